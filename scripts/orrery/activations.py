"""Every layer of a model at the tokens of each text that are asked for, in one pass."""

import gc
import queue
import threading
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from orrery.capture import Capture
from orrery.errors import OrreryError
from orrery.layers import SITES, layer_name
from orrery.logs import note
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


def encode_samples(loaded, samples, over="span", context_tokens=None, short="drop", bos="auto", special="keep"):
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
    made, counts = encode(loaded.tokenizer, texts, spans, window, over, context_tokens, short, bos, rows, special)
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
    return {name: loaded.widths.get(name, loaded.widths["stream"]) for name in names}


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
                precision = str(self._loaded.dtype).removeprefix("torch.")
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
