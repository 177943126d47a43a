"""Whether a job's own texts are read as the model gives each of them alone: structure is found on short texts only."""

import numpy as np
import torch

from orrery.activations import layer_widths, plan
from orrery.capture import Capture, out_of_memory
from orrery.errors import OrreryError
from orrery.stack import run, vectors_of

SOME = 5  # texts that are compared
# Where vectors differ by more units of rounding, of 1e-4 of their length in 32 bits, texts are not read together, and
# the model is refused: sums in another order differ by a few in deep models of 16 bits, what is wrong by far more.
APART, REFUSED = 4, 32


@torch.inference_mode()
def settle(loaded, encoded, batch_tokens="auto"):
    """Compare what would be read of a few texts of a job with what the model gives for each alone, unpadded.

    The texts are a few of all lengths from the longest to the shortest, and of those that would share the longest
    prefix the longest, the shortest and the last. Where padding or sharing changes a vector they are given up, with a
    line in the log.

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found; `padded` and `shares` are changed.
    encoded : activations.Encoded
    batch_tokens : int or "auto"
        As of `plan`.

    Raises
    ------
    OrreryError
        Two runs of one text differ (the model is random by design), a causal model looks ahead in a long text, the
        model does not take the text, or a layer is not the hidden state that the model reports.
    """
    try:
        with Capture(loaded, list(layer_widths(loaded)), "last", torch.float32) as capture:
            _compare(loaded, encoded, batch_tokens, _Checks(loaded, encoded, capture))
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        print(f"models.{loaded.name}: no memory to compare texts that are read together with what each gives alone")


def _compare(loaded, encoded, batch_tokens, checks):
    lengths = np.array([len(ids) for ids in encoded.ids])
    by_length = np.unique(lengths, return_index=True)[1][::-1]  # a text of each length, the longest first
    some = by_length[np.linspace(0, len(by_length) - 1, min(SOME, len(by_length))).astype(int)].tolist()
    checks.is_the_same_twice(some[0])
    checks.looks_back(some[0])
    if layer := checks.first_off(some[:1], units=REFUSED):
        raise OrreryError(
            f"{type(loaded.model).__name__}: layer {layer} is not the hidden state that the model reports for a text "
            f"of {lengths.max()} tokens; set models.{loaded.name}.context_tokens to fewer, or leave the model out."
        )
    if loaded.padded and checks.first_off(some):
        loaded.padded = False
        print(f"models.{loaded.name}: padding changes its vectors; only texts of one length are read together")
    shared = [group for group in plan(loaded, encoded, batch_tokens) if group.prefix]
    for group in [max(shared, key=lambda group: lengths[group.rows].max())] if shared else []:
        by_length = sorted(group.rows, key=lengths.__getitem__)
        if checks.first_off(list(dict.fromkeys([by_length[-1], by_length[0], group.rows[-1]])), group.prefix):
            loaded.shares = False
            print(f"models.{loaded.name}: a shared prefix changes its vectors; each text is read whole")


class _Checks:
    def __init__(self, loaded, encoded, capture):
        self._loaded, self._encoded, self._capture, self._alone = loaded, encoded, capture, {}
        self._unit = torch.finfo(loaded.dtype).eps if loaded.dtype.itemsize < 4 else 0

    def _differ(self, a, b, units):
        return largest(a, b) > max(1e-4, units * self._unit)

    def is_the_same_twice(self, i):
        """Refuse a model whose numbers are random."""
        first, second = (self._states(i, again)["final"] for again in (False, True))
        if self._differ(first, second, REFUSED):
            off = largest(first, second)
            raise OrreryError(
                f"models.{self._loaded.name}: two runs of one text of {len(first)} tokens differ by {off:.0%}: "
                f"{type(self._loaded.model).__name__} is random by design and is not read; fix its seed in config.json "
                "or leave the model out."
            )

    def looks_back(self, i):
        """Refuse a model that looks only back in a short text, where texts were cut for it, but ahead in a long one."""
        ids = list(self._encoded.ids[i])
        if not self._loaded.causal or len(ids) < 2:
            return
        before = self._states(i)["final"][:-1]
        ids[-1] = int(ids[0]) if ids[0] != ids[-1] else int(ids[-1]) - 1 if ids[-1] else 1
        if self._differ(before, self._run(ids).last_hidden_state[0, :-1], REFUSED):
            raise OrreryError(
                f"{type(self._loaded.model).__name__}: looks only back in a text of six tokens, but ahead in one of "
                f"{len(ids)}; set models.{self._loaded.name}.context_tokens to fewer, or leave the model out."
            )

    def first_off(self, rows, prefix=0, units=APART):
        """The first layer that differs from the model's own for one of some texts read together, else None."""
        try:
            made = self._capture.read(self._encoded, rows, prefix)
        except Exception:
            if not prefix:
                raise
            return "embed"  # whatever a model's own cache has against it
        for names, vectors in made or ():
            for name, found in zip(names, vectors):
                for row, vector in zip(rows, found):
                    expected = self._states(row).get(name)
                    place = self._encoded.last[row]
                    if expected is not None and self._differ(expected[place], vector, units):
                        return name
        return None

    def _states(self, i, again=False):
        """Layer → [T, D] of one text alone."""
        if i not in self._alone or again:
            output = self._run(list(self._encoded.ids[i]))
            states = getattr(output, "hidden_states", None) or ()
            self._alone[i] = {
                **{
                    name: vectors_of(self._loaded, state, len(self._encoded.ids[i]))[0].cpu()
                    for name, state in zip(self._loaded.reported, states)
                },
                "final": output.last_hidden_state[0].cpu(),
            }
        return self._alone[i]

    def _run(self, ids):
        try:
            return run(self._loaded, ids, output_hidden_states=bool(self._loaded.reported))
        except Exception as error:
            if out_of_memory(error):
                raise
            first = (str(error).splitlines() or [""])[0][:120]
            raise OrreryError(
                f"{type(self._loaded.model).__name__} does not take a text of {len(ids)} tokens "
                f"({type(error).__name__}: {first}); set models.{self._loaded.name}.context_tokens to fewer."
            ) from error


def largest(a, b):
    """The largest difference of vectors (…, D) as a share of the length of those in `a`."""
    a, b = a.float().cpu(), b.float().cpu()
    lengths = a.norm(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
    return ((a - b).norm(dim=-1) / lengths).max().item() if len(a) else 0.0
