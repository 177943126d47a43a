"""How a tokenizer takes the labels of each set: what can be known of a set before anything is extracted."""

import unicodedata
from collections import Counter

from orrery import store
from orrery.errors import OrreryError
from orrery.tokens import encode

COLUMNS = ("concept", "labels", "single_token", "tokens_min", "tokens_max", "unknown", "collisions", "lost",
           "vocabulary", "token_form", "verdict")  # fmt: skip
WORDS = ("concept", "token_form", "verdict")  # columns that hold no numbers
BEFORE = "is "  # what stands before a label where words have spaces between them
LONGEST = 1 << 30  # labels are not cut to any model's window


def fitness(tokenizer, sets):
    """One row a set, as dicts with the keys COLUMNS.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
    sets : dict of str → dict
        Set → labels and whether words are `spaced`; or instead of labels `integers`, those that are single tokens from
        `start` on; or `random`, the set that random tokens are like.
    """
    return [{"concept": name, **_fitness(tokenizer, entry)} for name, entry in sets.items()]


def _fitness(tokenizer, entry):
    if "random" in entry:
        return _nothing(f"drawn from the vocabulary, as many as {entry['random']} has")
    read = vocabulary_tokens(tokenizer, entry)
    said = {"vocabulary": len(read.ids), "token_form": read.form} if read else {"vocabulary": 0, "token_form": ""}
    if "labels" in entry:
        return {**label_fitness(tokenizer, entry["labels"], entry.get("spaced", True)), **said}
    if not read:
        return _nothing("fewer than three single tokens: no set of this model")
    n = len(read.ids)  # integers up to the first that is split are read from the vocabulary only
    return _nothing("single tokens") | {"labels": n, "single_token": n, "tokens_min": 1, "tokens_max": 1, **said}


def _nothing(verdict):
    return {**dict.fromkeys(COLUMNS[1:], 0), "token_form": "", "verdict": verdict}


def vocabulary_tokens(tokenizer, entry):
    """The `vocabulary.VocabularySet` that a model's vocabulary has of an entry of `fitness`, or None."""
    from orrery.vocabulary import vocabulary_set

    concept = {"token_form": entry.get("token_form", "auto")}
    if "integers" in entry:
        concept["integers"] = {"start": entry["integers"]["start"], "stop": "single-token"}
    spec = {"concept": concept, "values": dict.fromkeys(entry.get("labels", ()), 0.0)}
    try:
        return vocabulary_set(tokenizer, spec, 0, len(tokenizer))
    except OrreryError:  # fewer than three
        return None


def label_fitness(tokenizer, labels, spaced=True):
    """How a tokenizer takes some labels: the numbers of COLUMNS, and what they mean in plain words.

    Parameters
    ----------
    spaced : bool
        Whether a label is read after a space, or at the beginning of a text.
    """
    tokens = label_tokens(tokenizer, labels, spaced)
    unknown = [tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids for ids in tokens]
    lost = [not strange and not survives(tokenizer, label, ids) for label, ids, strange in zip(labels, tokens, unknown)]
    counts = {
        "labels": len(labels),
        "single_token": sum(len(ids) == 1 and not strange for ids, strange in zip(tokens, unknown)),
        "tokens_min": min(map(len, tokens)),
        "tokens_max": max(map(len, tokens)),
        "unknown": sum(unknown),
        "collisions": shared(ids[-1:] for ids in tokens),
        "lost": sum(lost),
    }
    return {**counts, "verdict": verdict(counts, shared(tokens), shared(map(sorted, tokens)))}


def label_tokens(tokenizer, labels, spaced=True):
    """The ids of the tokens that overlap each label, by the character offsets with which samples are read."""
    before = BEFORE if spaced else ""
    spans = [(len(before), len(before + label)) for label in labels]
    made, _ = encode(tokenizer, [before + label for label in labels], spans, LONGEST)
    return [tuple(text.ids[text.first : text.last + 1].tolist()) if text else () for text in made]


def survives(tokenizer, label, ids):
    """Whether the label's characters come back from its tokens; case and spaces do not count."""
    return _letters(tokenizer.decode(ids, clean_up_tokenization_spaces=False)) == _letters(label)


def _letters(text):
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def shared(keys):
    """How many of some keys are another's too; those of no token are none's."""
    return sum(n for key, n in Counter(map(tuple, keys)).items() if n > 1 and key)


def verdict(counts, same=0, reordered=0):
    """What the numbers of a set mean, in plain words.

    Parameters
    ----------
    counts : dict
        The numbers of COLUMNS.
    same, reordered : int
        How many labels have the very tokens of another, and how many have them in whatever order.
    """
    n = counts["labels"]
    if counts["unknown"] == n:
        return "unknown to this tokenizer, whole or in part"
    said = [_length(counts)]
    if counts["collisions"]:
        said.append(f"last token shared by {counts['collisions']} of {n} labels: {_remedy(n, same, reordered)}")
    if counts["unknown"]:
        said.append(f"{counts['unknown']} of {n} labels unknown")
    if counts["lost"]:
        said.append(f"{counts['lost']} of {n} labels lose characters, such as accents")
    return "; ".join(said)


def _length(counts):
    least, most = counts["tokens_min"], counts["tokens_max"]
    if most == 1:
        return "single tokens"
    return f"{most} tokens" if least == most else f"{least}–{most} tokens"


def _remedy(n, same, reordered):
    if same:
        return f"{same} are the same tokens throughout, and nothing tells them apart"
    if reordered:
        return f"read with pool mean, which parts all but the {reordered} that are the same tokens in another order"
    return "read with pool mean"


def level(row):
    """How a set fits, in one word: good, split, shared (pool), poor, or none where it has no labels of its own."""
    if not row["labels"]:
        return "none"
    if row["unknown"] or row["lost"]:
        return "poor"
    if row["collisions"]:
        return "shared"
    return "good" if row["single_token"] == row["labels"] else "split"


def occurrences(attributes):
    """What a corpus holds of a set, from the attributes of its samples: source, found, kept, missing labels."""
    kept = attributes["report"]["kept"]
    return {
        "source": attributes["source"],
        "found": sum(attributes["report"]["found"].values()),
        "kept": sum(kept.values()),
        "missing": [label for label, n in kept.items() if not n],
    }


def write(rows, path):
    """Write the rows of `fitness` as CSV."""
    store.write_rows(path, rows, COLUMNS)


def read(path):
    """The rows of a file of `write`, numbers as numbers."""
    return [{k: v if k in WORDS else int(v) for k, v in row.items()} for row in store.read_rows(path)]
