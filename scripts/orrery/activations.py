"""Every layer of a model at the tokens of each text that are asked for, in one pass."""

import gc
import queue
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from orrery.errors import OrreryError
from orrery.layers import SITES, block_of, layer_name
from orrery.logs import note
from orrery.stack import cache_of, find_sublayers, hidden
from orrery.tokens import encode

BATCH_TOKENS = {"cpu": 512, "cuda": 16384, "mps": 4096}
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
PREFIX = 2  # tokens that texts must begin with alike, for them to be read once
AHEAD = 4  # batches whose vectors may wait to be stored


@dataclass
class Encoded:
    """N texts as tokens, of which `first` to `last`, inclusive, are pooled; their samples; what was left out or cut."""

    ids: list  # of arrays of integers
    first: list
    last: list
    samples: dict
    counts: dict = field(default_factory=dict)


def encode_samples(loaded, samples, over="span", context_tokens=None, short="drop", bos="auto"):
    """Tokenise texts and find the tokens to read; `tokens.encode` says what the options mean.

    A causal model cannot see what stands after the occurrence, so the text is cut there; an encoder keeps it.

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found.
    samples : dict of str → sequence of length N
        At least text, start, end.

    Returns
    -------
    Encoded
        Its samples gain token (the text of the last token that is pooled), token_first and token_position (the places
        of the first and the last), and tokens (how many the text has).
    """
    texts, spans = list(samples["text"]), list(zip(samples["start"], samples["end"]))
    if loaded.causal:
        texts = [text[:end] for text, (_, end) in zip(texts, spans)]
    window, rows = loaded.max_tokens, loaded.rows
    made, counts = encode(loaded.tokenizer, texts, spans, window, over, context_tokens, short, bos, rows)
    kept = [i for i, tokens in enumerate(made) if tokens]
    if not kept:
        raise OrreryError(f"models.{loaded.name}: no sample of {len(texts)} can be read: {dict(counts)}.")
    lost = {*samples["label"]} - {samples["label"][i] for i in kept}
    if lost:
        note(f"models.{loaded.name}: no sample of {', '.join(sorted(lost))} can be read: {dict(counts)}")
    samples = {name: [values[i] for i in kept] for name, values in {**samples, "text": texts}.items()}
    ids, first, last = [[getattr(made[i], name) for i in kept] for name in ("ids", "first", "last")]
    samples["token"] = [loaded.tokenizer.decode([int(i[place])]) for i, place in zip(ids, last)]
    samples["token_first"], samples["token_position"] = first, last
    samples["tokens"] = [len(i) for i in ids]
    return Encoded(ids, first, last, samples, dict(counts))


def layer_widths(loaded, sites=("resid_post",), store="all"):
    """The layers that are read, from the embedding upwards, with their dimensions.

    embed (before block 0), for each block 07-pre, 07-attn, 07-mlp and 07 (before it, what its sublayers add, after it),
    final (what the model returns, after a last norm where it has one).

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found.
    sites : iterable of str
        Of `layers.SITES`.
    store : "all" or list of int and str
        Blocks, embed, final.

    Returns
    -------
    dict of str → int

    Raises
    ------
    OrreryError
        A block is asked for that the model does not have.
    """
    wanted = ["embed", *range(loaded.depth), "final"] if store == "all" else store
    if beyond := [x for x in wanted if isinstance(x, int) and x >= loaded.depth]:
        raise OrreryError(
            f"models.{loaded.name}.store: {beyond[0]} is out of range; the blocks are 0 to {loaded.depth - 1}."
        )
    blocks = [layer_name(i, site) for i in range(loaded.depth) if i in wanted for site in SITES if site in sites]
    names = ["embed"] * ("embed" in wanted) + blocks + ["final"] * ("final" in wanted)
    return {name: loaded.widths["final" if name == "final" else "stream"] for name in names}


def batches(lengths, budget, padded=True):
    """Indices of texts in batches of similar length, longest first, at most `budget` padded tokens each.

    Where they cannot be `padded`, the texts of a batch are equally long.

    Returns
    -------
    list of lists of int
    """
    groups, current = [], []
    for i in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        full = current and (len(current) + 1) * lengths[current[0]] > budget
        if full or (current and not padded and lengths[i] != lengths[current[0]]):
            groups.append(current)
            current = []
        current.append(i)
    return [*groups, current] if current else groups


class Group(NamedTuple):
    """Texts that are read together; their first `prefix` tokens are read once for all that begin alike."""

    rows: list
    prefix: int


def facts_of_reading(encoded, reading, samples_from):
    """What the attributes of an activations file say of how its vectors were read, as a dict.

    Parameters
    ----------
    encoded : Encoded
    reading : dict
        As of `config.reading_of`.
    samples_from : dict
        The attributes of the samples file.
    """
    return {
        "pool": reading["pool"],
        "samples_from": samples_from,
        "dropped": encoded.counts,
        "stored_as": reading["store_dtype"],
        "weights": reading["model"]["weights"],
        "seed": reading["model"]["seed"],
        **reading["tokens"],
    }


def plan(loaded, encoded, batch_tokens="auto"):
    """The batches in which texts are read: the same for the same texts and budget.

    Prompts of one template begin alike. Where the model lets it (`shares`), what two texts or more have before the
    tokens that are pooled is read once.

    Returns
    -------
    list of Group
    """
    budget = BATCH_TOKENS[loaded.device.type] if batch_tokens == "auto" else batch_tokens
    lengths, begin_alike = [len(i) for i in encoded.ids], {}
    if loaded.shares:
        for i, (ids, first) in enumerate(zip(encoded.ids, encoded.first)):
            begin_alike.setdefault(np.asarray(ids[:first], np.int32).tobytes(), []).append(i)
    begin_alike = [rows for rows in begin_alike.values() if len(rows) > 1 and encoded.first[rows[0]] >= PREFIX]
    shared = {i for rows in begin_alike for i in rows}
    groups = []
    for prefix in sorted({encoded.first[rows[0]] for rows in begin_alike}, reverse=True):
        some = [i for rows in begin_alike if encoded.first[rows[0]] == prefix for i in rows]
        n = max(1, budget // max(lengths[i] for i in some))
        groups += [Group(some[start : start + n], prefix) for start in range(0, len(some), n)]
    alone = [i for i in range(len(lengths)) if i not in shared]
    by_length = batches([lengths[i] for i in alone], budget, loaded.padded)
    return groups + [Group([alone[i] for i in rows], 0) for rows in by_length]


@torch.inference_mode()
def read_layers(loaded, encoded, names, groups, sink, pool="last", dtype="float32", done=(), advance=lambda n: None):
    """Read layers at the tokens of each text, one forward pass a batch, no deeper than the deepest layer asked for.

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found.
    encoded : Encoded
    names : list of str
        Of `layer_widths`.
    groups : list of Group
        The batches, of `plan`.
    sink : object
        `put(rows, vectors)` is given the vectors (name → array (len(rows), D)) of some texts, `finished(n)` told that
        all of batch n were put. Both are called from a thread of their own.
    pool : {"last", "first", "mean", "max", "sum"}
        Over the tokens of a text that are to be pooled; the last three in float32.
    dtype : {"float32", "float16", "bfloat16"}
        Of the arrays; bfloat16 comes as the bits, uint16.
    done : container of int
        Batches that are not read.
    advance : callable
        Told of each batch that is done.

    Raises
    ------
    OrreryError
        A vector is not finite in `dtype`, or the device has no memory for a single text.
    """
    with _Storing(sink, loaded, dtype) as storing, Capture(loaded, names, pool, DTYPES[dtype]) as capture:
        limit = None  # texts a batch, padded to its longest, after the device ran out of memory
        for number, (rows, prefix) in enumerate(groups):
            if number not in done:
                waiting = [rows]
                while waiting:
                    some = waiting.pop(0)
                    size = len(some) * max(len(encoded.ids[i]) for i in some)
                    if limit is None or size <= limit or len(some) == 1:
                        if vectors := capture.read(encoded, some, prefix):
                            storing.put(some, vectors)
                            continue
                        limit = _halved(loaded, size, len(some))
                    waiting[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
                storing.put(number, None)
            advance(1)


def _halved(loaded, size, n):
    if n == 1:
        raise OrreryError(
            f"one text of {size} tokens does not fit into the memory of {loaded.device}; lower corpus.before, or "
            "choose a smaller dtype or another device."
        )
    gc.collect()
    if loaded.device.type == "cuda":
        torch.cuda.empty_cache()
    print(f"{loaded.device} is out of memory with {size} tokens a batch: going on with {size // 2}")
    return size // 2


# ---------------------------------------------------------------------------------------------------- capture


class _Deep(Exception):
    """Raised inside the model once the deepest layer asked for is there."""


class Capture:
    """Hooks that pool each layer on the device as soon as it is there, so that no [B, T, D] outlives its block."""

    def __init__(self, loaded, names, pool, dtype):
        self._loaded, self._pool, self._dtype = loaded, pool, dtype
        self._wanted, self._final = set(names), "final" in names
        self._deepest = max((block_of(name)[0] for name in names if block_of(name)), default=-1)
        self._hooks, self._places, self._number = ExitStack(), {}, 0
        widths = {name: loaded.widths["final" if name == "final" else "stream"] for name in names}
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
                if site in sublayers:
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
        added = find_sublayers(self._loaded)
        if any("mlp" not in added[n] and layer_name(n, "mlp_out") in self._wanted for n in range(len(added))):
            raise OrreryError(
                f"models.{self._loaded.name}.sites: the blocks of {type(self._loaded.model).__name__} have one "
                "sublayer each, attn_out; take mlp_out out."
            )
        return added

    def _before(self, module, args, kwargs):
        states = next(v for v in [*args, *kwargs.values()] if isinstance(v, torch.Tensor) and v.ndim == 3)
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
            self._forward(encoded, rows, prefix)
        except _Deep:
            pass
        except RuntimeError as error:
            if not _out_of_memory(error):
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
        output = self._loaded.model(input_ids=tokens.to(self._loaded.device, non_blocking=True), **options)
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


def _out_of_memory(error):
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "can't allocate memory" in text


# ---------------------------------------------------------------------------------------------------- storing


class _Storing:
    """Hands vectors to the sink in a thread, so that the device goes on with the next batch meanwhile."""

    def __init__(self, sink, loaded, dtype):
        self._sink, self._loaded, self._dtype, self._error = sink, loaded, dtype, None
        self._queue = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._queue.put(None)
        self._thread.join()
        if self._error and kind is None:
            raise self._error

    def put(self, rows, vectors):
        """Queue the vectors of some samples, [(names, tensor (layers, rows, D)), …], or None where batch `rows` ends.

        Raises
        ------
        Exception
            What the thread met with earlier vectors.
        """
        if self._error:
            raise self._error
        event = None
        if vectors is not None and self._loaded.device.type == "cuda":
            vectors = [(names, _to_host(value)) for names, value in vectors]
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(self._loaded.device))
        self._queue.put((rows, vectors, event))

    def _work(self):
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._store(*item)
                except Exception as error:
                    self._error = error

    def _store(self, rows, vectors, event):
        if vectors is None:
            self._sink.finished(rows)
            return
        if event:
            event.synchronize()
        vectors = {name: value for names, some in vectors for name, value in zip(names, _as_numpy(some))}
        for name, value in vectors.items():
            if not _is_finite(value):
                precision = str(self._loaded.model.dtype).removeprefix("torch.")
                raise OrreryError(
                    f"layer {name}: vectors overflow in {precision}, stored as {self._dtype}; set the dtype or "
                    f"store_dtype of models.{self._loaded.name} to float32."
                )
        self._sink.put(rows, vectors)


def _to_host(value):
    host = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
    return host.copy_(value, non_blocking=True)


def _as_numpy(value):
    value = value.cpu()
    return value.view(torch.uint16).numpy() if value.dtype == torch.bfloat16 else value.numpy()


def _is_finite(values):
    # With NumPy: an operation of torch in this thread would start a second team of its threads, which then spin.
    return np.all(values & 0x7F80 != 0x7F80) if values.dtype == np.uint16 else np.isfinite(values).all()


class InMemory:
    """A sink that keeps the vectors: `layers`, name → array (n, D)."""

    def __init__(self, n):
        self.layers, self._n = {}, n

    def put(self, rows, vectors):
        """Keep the vectors of some texts."""
        for name, values in vectors.items():
            self.layers.setdefault(name, np.empty((self._n, values.shape[1]), values.dtype))[rows] = values

    def finished(self, number):
        """Nothing needs to be noted."""
