"""Is a set of the catalogue right? One sentence for each mistake in its labels, values, places and templates."""

import os
import re
import unicodedata

from orrery.config import has_prompts, label_values, shape_of, surface_forms
from orrery.corpus.forms import mistake
from orrery.errors import OrreryError
from orrery.measured import PLACES
from orrery.samples import PROMPTS, named_categories, number_of_prompts, unreadable
from orrery.schema import quote, suggest

ADDED = re.compile(r"(.+)-(?:untrained(?:-\d+)?|random|words)")


def unknown(key, value, table, table_name):
    """The sentence for a name that is in no table; entries that controls add are not offered."""
    known = [name for name in sorted(table) if not ((of := ADDED.fullmatch(name)) and of[1] in table)]
    return f"{key}: {value!r} is not in {table_name}; {suggest(str(value), known)}"


def check_concepts(config):
    """A sentence for each mistake in a set of the catalogue."""
    for name, concept in config["concepts"].items():
        key = f"concepts.{name}"
        if "random_words" in concept:
            yield from _check_words(config, name)
            continue
        kinds = [k for k in ("labels", "integers", "random_tokens") if k in concept]
        if len(kinds) != 1:
            yield f"{key}: has {quote(kinds) or 'none'} of labels, integers, random_tokens; write exactly one of them"
            continue
        integers = concept.get("integers")
        if integers and integers["stop"] != "single-token" and integers["stop"] <= integers["start"] + 1:
            yield f"{key}.integers: stop {integers['stop']} must be above start {integers['start']} by two at least"
        yield from _check_by_label(key, concept)
        yield from _check_parents(key, concept.get("parents", {}))
        if "values" in concept and len(concept["values"]) != len(concept.get("labels", ())):
            yield f"{key}.values: {len(concept['values'])} values do not fit; write one for each label"
        if concept["topology"] == "circle":
            yield from _check_circle(key, concept)
        if concept["topology"] == "tree" and "parents" not in concept:
            yield f"{key}.parents: are missing; a tree needs them, write one for each label"
        yield from _check_coordinates(key, concept)
        if concept["corpus"]["min_chars"] > concept["corpus"]["before"]:
            yield f"{key}.corpus.min_chars: {concept['corpus']['min_chars']} is more than before allows; raise before"
        yield from _check_others(config, name)
        yield from _check_forms(key, concept)
        yield from _check_templates(name, concept)


def _check_others(config, name):
    """The sets that a set names: they exist, and none is in the end itself."""
    concepts, key = config["concepts"], f"concepts.{name}"
    for where, other in (("control", concepts[name].get("control")), ("random_tokens.like", _liked(concepts, name))):
        if other is not None and other not in concepts:
            yield unknown(f"{key}.{where}", other, concepts, "concepts")
        elif other == name:
            yield f"{key}.{where}: {name!r} is this set itself; name another"
    chain = [name]
    while (like := _liked(concepts, chain[-1])) in concepts and like not in chain:
        chain.append(like)
    if like == name and len(chain) > 1:
        yield f"{key}.random_tokens.like: {' → '.join([*chain, name])} never ends; name a set with labels or integers"


def _liked(concepts, name):
    return concepts[name].get("random_tokens", {}).get("like")


def _check_parents(key, parents):
    """A label whose parent is a label itself has that one's parent, and so on; it must not come back."""
    for label in parents:
        chain = [label]
        while parents[chain[-1]] in parents and parents[chain[-1]] not in chain:
            chain.append(parents[chain[-1]])
        if parents[chain[-1]] == label:
            yield f"{key}.parents: {' → '.join([*chain, label])} never ends; give one of them another parent"
            return


def _check_by_label(key, concept):
    """What is written once for each label."""
    labels = set(surface_forms(concept))
    for what in ("parents", "regions", "distances"):
        strange = set(concept[what]) ^ labels if what in concept else ()
        if strange:
            yield f"{key}.{what}: {quote(sorted(strange))} must stand there and in labels; write one for each label"
    rows = concept.get("distances", {})
    for label, row in rows.items():
        if len(row) != len(rows):
            yield f"{key}.distances.{label}: {len(row)} numbers do not fit {len(rows)} labels; write one for each label"


def _check_words(config, name):
    """Whether a set of random words is like a set that has prompts; its templates are checked with that set."""
    concepts, key = config["concepts"], f"concepts.{name}.random_words.like"
    like = concepts[name]["random_words"]["like"]
    if concepts[name]["topology"] != "none":
        yield f"concepts.{name}.topology: random words have no shape; write topology: none"
    for strange in sorted({"integers", "random_tokens", "values", "parents", "coordinates"} & set(concepts[name])):
        yield f"concepts.{name}.{strange}: does not fit random_words; remove it"
    if like not in concepts:
        yield unknown(key, like, concepts, "concepts")
    elif "random_words" in concepts[like] or not has_prompts(concepts[like]):
        yield f"{key}: {like!r} has no prompts of its own; name a set with templates and labels"


def _check_circle(key, concept):
    if "labels" not in concept:
        yield f"{key}.topology: a circle needs labels; write labels, or topology: line"
        return
    values, period = list(label_values(concept).values()), shape_of(concept)["period"]
    if len({round(value % period, 9) for value in values}) < len(values):
        yield f"{key}.values: two labels share a place on a circle of period {period:g}; mend values or period"


def _check_coordinates(key, concept):
    topology, coordinates, periods = (concept.get(key) for key in ("topology", "coordinates", "periods"))
    if periods is not None and topology != "torus":
        yield f"{key}.periods: belong to a torus, not to {topology}; remove them"
    if topology not in PLACES:
        if coordinates is not None:
            yield f"{key}.coordinates: belong to {', '.join(PLACES)}, not to {topology}; remove them"
        return
    if "labels" not in concept:
        yield f"{key}.topology: a {topology} needs labels with coordinates; write labels, or another topology"
    elif coordinates is None:
        yield f"{key}.coordinates: are missing; a {topology} needs them, write some numbers for each label"
    elif strange := set(coordinates) ^ set(surface_forms(concept)):
        yield f"{key}.coordinates: {quote(sorted(strange))} must stand there and in labels; write some for each label"
    else:
        yield from _check_places(key, topology, coordinates, periods)


def _check_places(key, topology, coordinates, periods):
    """Whether coordinates are places on a surface, all different."""
    where, owner, count = f"{key}.coordinates", {}, len(periods or ())
    wanted = 2 if topology == "sphere" else len(next(iter(coordinates.values())))
    for label, place in coordinates.items():
        if len(place) != wanted:
            yield f"{where}: {label!r} has {len(place)} numbers, not {wanted}; write {wanted} for each label"
            return
        if topology == "sphere" and not (-90 <= place[0] <= 90 and -180 <= place[1] <= 360):
            yield f"{where}: {place} of {label!r} is not on a sphere; write [latitude, longitude] in degrees"
    if topology == "torus" and count != wanted:
        yield f"{key}.periods: {count} periods do not fit {wanted} coordinates; write one for each"
        return
    for label, place in coordinates.items():
        if (other := owner.setdefault(_spot(topology, place, periods), label)) != label:
            yield f"{where}: {quote([other, label])} are at one place; mend them or leave one out"


def _spot(topology, place, periods):
    """Equal for equal places: turns are taken away, and at a pole the longitude."""
    if topology == "torus":
        return tuple(round(x / period % 1, 9) % 1 for x, period in zip(place, periods))
    if topology == "sphere":
        return place[0], 0 if abs(place[0]) == 90 else place[1] % 360
    return tuple(place)


def _check_forms(key, concept):
    owner, fold = {}, str if concept["corpus"]["case_sensitive"] else str.casefold
    for label, forms in surface_forms(concept).items():
        for form in (form if form.isascii() else unicodedata.normalize("NFC", form) for form in forms):
            if owner.setdefault(fold(form), label) != label:
                yield f"{key}.labels: {form!r} stands under {owner[fold(form)]!r} and {label!r}; give it to one of them"
            if reason := mistake(form):
                yield f"{key}.labels.{label}: {form!r} {reason}"
    for side in ("not_before", "not_after"):
        entry = concept["corpus"].get(side, ())
        of_label = entry if isinstance(entry, dict) else {"": entry}
        for label, forms in of_label.items():
            where = f"{key}.corpus.{side}" + (f".{label}" if label else "")
            if label and (labels := surface_forms(concept)) and label not in labels:
                yield unknown(f"{key}.corpus.{side}", label, labels, "labels")
            yield from (f"{where}: {form!r} {reason}" for form in forms if (reason := mistake(form)))


def _check_templates(name, concept):
    key, phrase, categories = f"concepts.{name}", concept.get("phrase", ""), concept.get("categories", {})
    templates = concept.get("templates", ())
    try:
        for template in templates:
            named_categories(template, phrase, categories, name)
        labels = len(surface_forms(concept)) or 1
        if (count := number_of_prompts(templates, labels, categories, phrase, name)) > PROMPTS:
            yield f"{key}.templates: make {count:,} prompts, more than {PROMPTS:,}; take fewer templates or categories"
    except OrreryError as error:
        yield str(error)
    if "phrase" in concept and phrase.count("{label}") != 1:
        yield f"{key}.phrase: {phrase!r} must have one place for the label; write {{label}} once"
    if "phrase" not in concept and any("{phrase}" in template for template in templates):
        yield f"{key}.phrase: is missing; say what {{phrase}} in the templates stands for"
    path = concept.get("templates_file")
    if path and not os.path.exists(path):
        yield f"{key}.templates_file: {path!r} does not exist; write where it lies"
    elif path and (why := unreadable(path)):
        yield f"{key}.templates_file: {path!r} {why}"
