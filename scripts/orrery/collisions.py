"""Entries that have the name of one that Orrery ships, and would silently take keys from it."""

# table → the keys that make an entry another thing; where all stand there, it was written as a whole
DEFINING = {
    "assets": (("hub", "path", "package"),),
    "models": (("asset",),),
    "corpora": (("asset",),),
    "concepts": (("topology",), ("labels", "integers", "random_tokens", "random_words")),
    "reducers": (("method",),),
    "figures": (("kind",),),
    "comparisons": (("kind",), ("of",)),
}


def lent_keys(table, base, over):
    """The keys that an entry would take from a shipped one of its name though it defines something else, sorted.

    An entry that changes some keys of a shipped one takes the others on purpose. One that has all the keys that define
    such a thing, with another value of one of them, was written without knowing of the shipped one.
    """
    if not isinstance(base, dict) or not isinstance(over, dict):
        return []
    given = [[key for key in keys if key in over] for keys in DEFINING[table]]
    other = any(over[key] != base.get(key) for keys in given for key in keys)
    return sorted(set(base) - set(over)) if all(given) and other else []


def lent_names(own, shipped):
    """A sentence for each entry of a user's config that would take keys from a shipped one of its name.

    Parameters
    ----------
    own, shipped : dict
        What the user's files and the command line say, and the config that Orrery ships, before they are merged.
    """
    for table in DEFINING:
        mine, theirs = (tables.get(table) for tables in (own, shipped))
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for name in [name for name in mine if name in theirs]:
                if keys := lent_keys(table, theirs[name], mine[name]):
                    yield lent(table, name, keys, "config.yaml")


def lent(table, name, keys, file):
    """The sentence for an entry that would take keys from the shipped one of its name."""
    return (
        f"{table}.{name}: {file} has something else under this name, from which it would take {', '.join(keys)}; "
        "choose another name, or write these keys too."
    )
