"""What controls add to the catalogue: untrained twins of models, random tokens and random words beside sets."""

from functools import partial

from orrery.config import has_prompts, ordinary_words, random_words, twin_of, words_of

PROMPT_KEYS = ("templates", "templates_file", "categories", "phrase")  # of a concept: what prompts are made of
# Keys of a model that do not change what is read of it, so that a twin of the user's own may differ in them.
FREE = {"layers", "depth", "device", "batch_tokens"}


def add_controls(config):
    """Enter the untrained twins of models, and the random tokens and words of sets, where controls ask for them.

    Returns
    -------
    (added, mistakes) : set of (table, name) and list of str
        The entries that the user did not write, and a sentence for each name that a control needs and that something
        else has.
    """
    added, mistakes = set(), []
    for table, name, entry, taken in (*_twins(config), *_random_tokens(config), *_random_words(config)):
        if name not in config[table]:
            config[table][name] = entry
            added.add((table, name))
        elif reason := taken(config[table][name]):
            mistakes.append(f"{table}.{name}: {reason}.")
    _draw_words(config)
    return added, mistakes


def _twins(config):
    """(table, name, entry, what is wrong with another entry of that name) of every twin."""
    for name, model in list(config["models"].items()) if "untrained" in config["controls"] else ():
        if model["weights"] != "trained":
            continue
        device = "auto" if model["device"] == "spread" else model["device"]
        twin = {**model, "weights": "random", "quantization": "none", "device": device}
        for number in range(1, 1 + config["metrics"]["twins"]):
            entry = {**twin, "init_seed": number - 1}
            yield "models", twin_of(name, number), entry, partial(_no_twin, name, entry)


def _no_twin(name, twin, other):
    strange = sorted(key for key in {*twin, *other} - FREE if twin.get(key) != other.get(key))
    return strange and (
        f"is the name of the untrained twin of {name}, from which it differs in {', '.join(strange)}; rename it, or "
        "take untrained out of controls"
    )


def _random_tokens(config):
    for name, concept in list(config["concepts"].items()) if "random-tokens" in config["controls"] else ():
        if "control" in concept or {"random_tokens", "random_words"} & set(concept):
            continue
        concept["control"] = f"{name}-random"
        tokens = {"topology": "none", "random_tokens": {"like": name}, **_same_reading(concept)}
        yield "concepts", concept["control"], tokens, _taken("random_tokens", "random-tokens", name)


def _random_words(config):
    for name, concept in list(config["concepts"].items()) if "random-words" in config["controls"] else ():
        if has_prompts(concept) and "random_words" not in concept:
            words = {"topology": "none", "random_words": {"like": name}, **_same_reading(concept)}
            yield "concepts", words_of(name), words, _taken("random_words", "random-words", name)


def _same_reading(concept):
    """What a set that a control adds takes over from the set that it is like."""
    return {"corpus": dict(concept["corpus"]), "token_form": concept["token_form"]}


def _taken(key, control, name):
    """What is wrong with an entry that has the name of the control of a set."""
    reason = (
        f"is the name of the control {control} of {name}; rename one of the two sets, or take {control} out of controls"
    )
    return lambda other: None if other.get(key) == {"like": name} else reason


def _draw_words(config):
    """Give every set of random words its labels, and the templates of the set that it is like."""
    concepts, words = config["concepts"], ordinary_words(config)
    for name, concept in concepts.items():
        like = concept.get("random_words", {}).get("like")
        if like in concepts and has_prompts(concepts[like]):
            same = {key: concepts[like][key] for key in PROMPT_KEYS if key in concepts[like]}
            for key in PROMPT_KEYS:
                concept.pop(key, None)
            concept |= {**same, "labels": random_words(config, name, like, words)}
