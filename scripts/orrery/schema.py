"""A config against its schema: defaults filled in, and one sentence for each mistake."""

import datetime
import difflib
import math
import reprlib

from orrery.written import Written

LARGEST = 1e100  # its square is still a number
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 70
_brief.maxlist = _brief.maxdict = _brief.maxlevel = 6


def schema_mistakes(config, schema, written=None):
    """Fill the defaults of a JSON schema into `config`, in place, and say what is wrong with it, a sentence each.

    Stricter than JSON Schema: 5.0 is no integer, and what is not finite or larger than 1e100 is no number.

    Parameters
    ----------
    config, schema : dict
    written : written.Written, optional
        The files of the config, so that a sentence can show what stands there.
    """
    from jsonschema import Draft202012Validator, validators

    written = written or Written()
    if unnamed := list(_keys_that_are_no_text(config, written)):
        return unnamed

    def fill_defaults(validator, properties, instance, schema):
        if isinstance(instance, dict):
            for key, sub in properties.items():
                if "default" in sub:
                    instance.setdefault(key, _copy(sub["default"]))
        yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)

    def decide(validator, condition, instance, schema):
        """An `if` that asks for keys says nothing of what lacks them."""
        if isinstance(instance, dict) and set(condition.get("properties", ())) <= set(instance):
            yield from Draft202012Validator.VALIDATORS["if"](validator, condition, instance, schema)

    types = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    stricter = {"properties": fill_defaults, "if": decide, "enum": _one_of}
    validator = validators.extend(Draft202012Validator, stricter, type_checker=types)(schema)
    leaves = sorted((leaf for error in validator.iter_errors(config) for leaf in _leaves(error)), key=_place)
    sentences = [sentence for leaf in _first_of_each_place(leaves) for sentence in _sentences(leaf, written)]
    return list(dict.fromkeys(sentences))


def _is_integer(_, value):
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_number(_, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return abs(float(value)) <= LARGEST
    except OverflowError:
        return False


def _one_of(validator, allowed, instance, schema):
    from jsonschema import ValidationError

    if not any(type(instance) is type(value) and instance == value for value in allowed):
        yield ValidationError(f"{instance!r} is not one of {allowed!r}")


def _copy(value):
    return value.copy() if isinstance(value, (dict, list)) else value


def _keys_that_are_no_text(config, written, path=()):
    """A sentence for each key that YAML made into a number, a truth value, a date or nothing."""
    key = ".".join(map(str, path)) or "the configuration"
    for name, value in config.items() if isinstance(config, dict) else enumerate(config):
        if isinstance(config, dict) and not isinstance(name, str):
            text = written.key(path, name)
            yield f"{key}: the key {_converted(name, text)}."
        elif isinstance(value, (dict, list)) and len(path) < 20:
            yield from _keys_that_are_no_text(value, written, (*path, name))


def _converted(value, text=None):
    """`on is true to YAML; put it in quotes: "on"`, of a value that should have been text."""
    if value is None:
        return f'{text or "nothing"} is no text to YAML; put text in quotes, such as "{text or "none"}", or remove it'
    truth = str(value).lower() if isinstance(value, bool) else None
    text = (truth or short(value)) if text is None else text
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f'{text} is {truth or _kind_of(value)} to YAML; put it in quotes: "{text}"'


def _kind_of(value):
    if isinstance(value, (int, float)):
        return "a number"
    return "a date" if isinstance(value, datetime.date) else "no text"


def _leaves(error):
    """The errors a user can act on: inside if/then all of them, inside anyOf those of the form that was meant."""
    if error.validator in ("if", "allOf", "$ref") and error.context:
        for sub in error.context:
            yield from _leaves(sub)
    elif error.validator == "anyOf" and (meant := _meant(error)):
        for sub in meant:
            yield from _leaves(sub)
    else:
        yield error


def _meant(union):
    """The errors of the only form of a union that is a list or mapping as the value is, where they are inside it."""
    kind = {list: "array", dict: "object"}.get(type(union.instance))
    forms = [n for n, form in enumerate(union.validator_value) if form.get("type") == kind]
    if kind is None or len(forms) != 1:
        return []
    found = [error for error in union.context if error.relative_schema_path[0] == forms[0]]
    inside = [error for error in found if error.relative_path or error.validator == "uniqueItems"]
    return inside if len(inside) == len(found) else []


def _first_of_each_place(errors):
    """Of several errors of one value the first; only unknown and missing keys of a mapping are told side by side."""
    seen, places = set(), {tuple(error.absolute_path)[:n] for error in errors for n in range(len(error.absolute_path))}
    for error in errors:
        kind = error.validator if error.validator in ("additionalProperties", "required") else ""
        place = (*error.absolute_path, kind)
        if kind == "" and (place in seen or (error.validator == "uniqueItems" and place[:-1] in places)):
            continue
        seen.add(place)
        yield error


def _place(error):
    return [(isinstance(part, str), part) for part in error.absolute_path]


def _sentences(error, written):
    path = list(error.absolute_path)
    key = ".".join(str(p) for p in path) or "the configuration"
    value, kind, wanted = error.instance, error.validator, error.validator_value
    if kind == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        return [f"{key}: unknown key {short(k)}; {suggest(k, known)}." for k in value if k not in known]
    if kind == "required":
        return [f"{key}: the key {k!r} is missing; add it." for k in wanted if k not in value]
    if kind == "pattern" and "propertyNames" in list(error.absolute_schema_path):
        return [
            f"{key}: {short(value)} cannot be a name, since names stand in paths; write lower-case letters, digits, "
            "dots and hyphens, beginning with a letter or digit."
        ]
    if kind == "type" and wanted == "string" and not isinstance(value, (str, list, dict)):
        return [f"{key}: {_converted(value, written.text(path))}."]
    described = error.schema.get("description")
    return [f"{key}: {short(value)} {_remedy(error)}." + (f" ({described.rstrip('.')}.)" if described else "")]


def _remedy(error):
    """What to write instead of a value."""
    value, kind, wanted = error.instance, error.validator, error.validator_value
    if isinstance(value, float) and not math.isfinite(value):
        return "is no finite number; write one"
    return {
        "type": lambda: _of_type(value, wanted),
        "const": lambda: f"must be {wanted!r}",
        "enum": lambda: f"must be one of {_listed(wanted)}" + _nearest(value, wanted),
        "minItems": lambda: "must not be an empty list" if wanted == 1 else f"needs at least {wanted} entries",
        "maxItems": lambda: f"may have at most {wanted} entries",
        "minProperties": lambda: f"needs at least {wanted} entries",
        "uniqueItems": lambda: f"has {_twice(value)} twice; all must be different, so remove one",
        "minLength": lambda: "must not be empty",
        "maxLength": lambda: f"may have at most {wanted} characters",
        "minimum": lambda: f"must be at least {wanted}",
        "maximum": lambda: f"must be at most {wanted}",
        "exclusiveMinimum": lambda: f"must be more than {wanted}",
        "pattern": lambda: _PATTERNS.get(wanted, f"must match {wanted}"),
        "anyOf": lambda: "must be " + " or ".join(_shape(option) for option in wanted),
    }.get(kind, lambda: f"breaks the rule {kind} of the schema")()


def _of_type(value, wanted):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return f"must be of type integer; write {int(value)}"
    if number and (wanted == "number" or (wanted == "integer" and isinstance(value, int))):
        return "is too large; write a smaller number"
    return "must be " + ({"array": "a list", "object": "a mapping"}.get(wanted) or f"of type {wanted}")


def _twice(values):
    return next(short(value) for n, value in enumerate(values) if value in values[:n])


_PATTERNS = {
    r"^[^{}]*\{label\}[^{}]*$": "must hold {label} exactly once and no other braces",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+$": "must be pinned as name==version",
    r"^[0-9a-f]{64}$": "must be a sha256 of 64 lower-case hexadecimal digits",
    r"^[^/\s]+(/[^/\s]+)?$": "must be a hub id such as org/Name",
    r"^[0-9]{2,3}-(pre|attn|mlp)$": "must be a block and what is read of it, such as 08-attn",
    r"^(auto|spread|cpu|mps|cuda(:[0-9]+)?)$": "must be auto, spread, cpu, mps, cuda or cuda:0, cuda:1 …",
    r"^[a-z][a-z0-9_]*$": "must be lower-case letters, digits and underscores, beginning with a letter",
}


def _shape(option):
    if "const" in option:
        return repr(option["const"])
    if "enum" in option:
        return "one of " + _listed(option["enum"])
    if option.get("pattern") in _PATTERNS:
        return _PATTERNS[option["pattern"]].removeprefix("must be ")
    kind = {"array": "a list", "object": "a mapping", "string": "a text", "integer": "an integer"}.get(
        option.get("type"), "a number"
    )
    if (
        option.get("type") in ("array", "object")
        and (low := option.get("minItems", option.get("minProperties", 1))) > 1
    ):
        kind += f" of at least {low} different entries"
    least, most = option.get("minimum"), option.get("maximum")
    if least is not None and most is not None:
        return f"{kind} from {least} to {most}"
    if "exclusiveMinimum" in option:
        kind += f" above {option['exclusiveMinimum']}"
    return (
        kind + (f" of at least {least}" if least is not None else "") + (f" up to {most}" if most is not None else "")
    )


def quote(values):
    """A value or several as they would stand in the config."""
    values = values if isinstance(values, (list, tuple)) else [values]
    return ", ".join(repr(v) for v in values)


def _listed(values, most=20):
    """The first values, and how many there are beside."""
    return quote(list(values)[:most]) + (f" … ({len(values) - most} more)" if len(values) > most else "")


def short(value):
    """A value as it would stand in the config, in 80 characters at the most, however large or deep it is."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of many digits"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    text = _brief.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _nearest(value, known):
    close = difflib.get_close_matches(str(value)[:80], [str(k) for k in known], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def suggest(value, known, most=12):
    """What to write instead of `value`: the nearest of the names known, or all of them, or the first so many."""
    known = list(known)
    close = difflib.get_close_matches(str(value)[:80], known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" … ({len(known) - most} more)" if len(known) > most else ""
    return "write one of " + ", ".join(known[:most]) + more if known else "nothing of that sort is known"
