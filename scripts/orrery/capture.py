"""What a forward pass of a batch gives: each layer pooled on the device over the tokens that are read."""

from contextlib import ExitStack

import numpy as np
import torch

from orrery.errors import OrreryError
from orrery.layers import block_of, layer_name
from orrery.stack import cache_of, hidden, vectors_of
from orrery.sublayers import find_sublayers


class _Deep(Exception):
    """Raised inside the model once the deepest layer asked for is there."""


class Capture:
    """Hooks that pool each layer on the device as soon as it is there, so that no [B, T, D] outlives its block."""

    def __init__(self, loaded, names, pool, dtype):
        self._loaded, self._pool, self._dtype = loaded, pool, dtype
        self._wanted, self._final = set(names), "final" in names
        self._deepest = max((block_of(name)[0] for name in names if block_of(name)), default=-1)
        self._hooks, self._places, self._number = ExitStack(), {}, 0
        widths = {name: loaded.widths.get(name, loaded.widths["stream"]) for name in names}
        self._groups = [([n for n in names if widths[n] == width], width) for width in dict.fromkeys(widths.values())]
        self._takes_mask, self._spans = not loaded.causal, None

    def __enter__(self):
        added = self._sublayers()
        for block in self._loaded.blocks:
            self._hook(block.register_forward_pre_hook(self._before, with_kwargs=True))
            self._hook(block.register_forward_hook(self._after))
        for site in ("attn", "mlp"):
            owners = {}
            for number, sublayers in enumerate(added):
                if sublayers.get(site):
                    owners.setdefault(sublayers[site].module, {})[number] = sublayers[site].scale
            for module, scales in owners.items():
                self._hook(module.register_forward_hook(self._adds(site, scales)))
        return self

    def __exit__(self, *_):
        self._hooks.close()

    def _hook(self, handle):
        self._hooks.callback(handle.remove)

    def _sublayers(self):
        if not any(name.endswith(("-attn", "-mlp")) for name in self._wanted):
            return []
        if not self._loaded.blocks:
            raise OrreryError(
                f"models.{self._loaded.name}.sites: the hidden states of {type(self._loaded.model).__name__} are read, "
                "which hold no attn_out and mlp_out; take them out."
            )
        added = find_sublayers(self._loaded)
        for number, sublayers in enumerate(added):
            if layer_name(number, "mlp_out") in self._wanted and not sublayers.get("mlp"):
                kind = type(self._loaded.model).__name__
                reason = f"the blocks of {kind} have one sublayer each, attn_out"
                if "mlp" in sublayers:
                    reason = f"no module of block {number} of {kind} makes what is added after attn_out"
                raise OrreryError(f"models.{self._loaded.name}.sites: {reason}; take mlp_out out.")
        return added

    def _before(self, module, args, kwargs):
        axes = 3 if self._loaded.streams is None else 4
        states = next(v for v in [*args, *kwargs.values()] if isinstance(v, torch.Tensor) and v.ndim == axes)
        if self._number == 0:
            self._take("embed", states)
            if self._spans:  # a cache must be filled by one block at least, to tell positions
                self._stop()
        self._take(layer_name(self._number, "resid_pre"), states)

    def _after(self, module, args, output):
        self._take(layer_name(self._number), hidden(output))
        self._number += 1
        self._stop()

    def _stop(self):
        if self._number > self._deepest and not self._final:
            raise _Deep

    def _adds(self, site, scales):
        def hook(module, args, output):
            if self._number in scales:
                self._take(layer_name(self._number, f"{site}_out"), hidden(output), scales[self._number])

        return hook

    def _take(self, name, states, scale=1.0):
        if name in self._wanted and self._spans:
            if states.ndim == 4:
                states = vectors_of(self._loaded, states)
            states = states.view(len(self._spans.rows), -1, states.shape[-1])  # OPT's sublayers make [B · T, D]
            pooled = self._spans.pool(states, self._pool)
            self._places[name].copy_(pooled * scale if scale != 1 else pooled)

    def read(self, encoded, rows, prefix=0):
        """[(names, vectors (len(names), len(rows), D))] on the device, or None where its memory does not suffice."""
        made = []
        try:
            # One tensor for all layers: many small ones that stay would leave holes where the large ones were.
            for names, width in self._groups:
                made.append(
                    (names, torch.empty(len(names), len(rows), width, dtype=self._dtype, device=self._loaded.device))
                )
            self._places = {name: vectors[i] for names, vectors in made for i, name in enumerate(names)}
            self._loaded.changes.put_back()
            self._forward(encoded, rows, prefix)
        except _Deep:
            pass
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            made = None
        self._places = {}
        return made

    def _forward(self, encoded, rows, prefix):
        ids, options = [encoded.ids[i][prefix:] for i in rows], {}
        tokens, mask = _pad(ids, self._loaded.padding)
        tokens = tokens.pin_memory() if self._loaded.device.type == "cuda" else tokens
        if prefix:
            options = {"past_key_values": self._begun([encoded.ids[i][:prefix] for i in rows]), "use_cache": True}
        elif self._takes_mask:
            options = {"attention_mask": mask.to(self._loaded.device)}
        first, last = ([part[i] - prefix for i in rows] for part in (encoded.first, encoded.last))
        self._spans, self._number = _Spans(first, last, self._pool), 0
        if not self._loaded.blocks:
            options["output_hidden_states"] = True
        output = self._loaded.model(input_ids=tokens.to(self._loaded.device, non_blocking=True), **options)
        if not self._loaded.blocks:
            for number, (name, state) in enumerate(zip(self._loaded.reported, output.hidden_states)):
                for layer in (name, layer_name(number, "resid_pre")):
                    self._take(layer, vectors_of(self._loaded, state, tokens.shape[1]))
        self._take("final", output.last_hidden_state)

    def _begun(self, begins):
        """The model's cache after what each text begins with, each different beginning read once."""
        places = {}
        which = [places.setdefault(tuple(ids), len(places)) for ids in begins]
        self._spans, self._number = None, 0
        return cache_of(self._loaded, torch.tensor(list(places)), which, stop=[_Deep])


class _Spans:
    """Which tokens of each text of a batch are pooled: places [B, S] and which of them count."""

    def __init__(self, first, last, pool):
        first, last = torch.tensor(first), torch.tensor(last)
        if pool in ("last", "first"):
            self.places, self.count = (last if pool == "last" else first)[:, None], None
        else:
            steps = torch.arange(int((last - first).max()) + 1)
            self.places = torch.minimum(first[:, None] + steps, last[:, None])
            self.count = steps <= (last - first)[:, None]
        self.rows = torch.arange(len(first))[:, None]

    def pool(self, states, how):
        """[B, T, D] → [B, D]."""
        if self.places.device != states.device:
            for name in ("rows", "places", "count"):
                value = getattr(self, name)
                setattr(self, name, None if value is None else value.to(states.device, non_blocking=True))
        picked = states[self.rows, self.places]  # [B, S, D]
        if how in ("last", "first"):
            return picked[:, 0]
        counted = self.count[:, :, None]
        if how == "max":
            return picked.float().masked_fill(~counted, -torch.inf).amax(1)
        total = (picked.float() * counted).sum(1)
        return total / counted.sum(1) if how == "mean" else total


def _pad(ids, pad):
    """[B, T] ids and mask, padded on the right."""
    lengths = np.array([len(i) for i in ids])
    mask = np.arange(lengths.max()) < lengths[:, None]
    tokens = np.full(mask.shape, pad)
    tokens[mask] = np.concatenate(ids)
    return torch.from_numpy(tokens), torch.from_numpy(mask.astype(np.int64))


def out_of_memory(error):
    """Whether an error of torch says that a device has no memory left."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "can't allocate memory" in text
