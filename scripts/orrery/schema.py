"""A config against its schema: defaults filled in, and one sentence for each mistake."""

import difflib


def schema_mistakes(config, schema):
    """Fill the defaults of a JSON schema into `config`, in place, and say what is wrong with it, a sentence each."""
    from jsonschema import Draft202012Validator, validators

    def fill_defaults(validator, properties, instance, schema):
        if isinstance(instance, dict):
            for key, sub in properties.items():
                if "default" in sub:
                    instance.setdefault(key, _copy(sub["default"]))
        yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)

    validator = validators.extend(Draft202012Validator, {"properties": fill_defaults})(schema)
    return [_sentence(leaf) for error in validator.iter_errors(config) for leaf in _leaves(error)]


def _copy(value):
    return value.copy() if isinstance(value, (dict, list)) else value


def _leaves(error):
    """The errors a user can act on: inside if/then all of them, inside anyOf the union itself."""
    if error.validator in ("if", "allOf", "$ref") and error.context:
        for sub in error.context:
            yield from _leaves(sub)
    else:
        yield error


def _sentence(error):
    key = ".".join(str(p) for p in error.absolute_path) or "the configuration"
    value, kind, wanted = error.instance, error.validator, error.validator_value
    if kind == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        bad = [k for k in value if k not in known]
        return f"{key}: unknown key {quote(bad)}; {suggest(str(bad[0]), known)}."
    if kind == "required":
        missing = [k for k in wanted if k not in value]
        return f"{key}: the key {quote(missing)} is missing; add it."
    if kind == "pattern" and "propertyNames" in list(error.absolute_schema_path):
        return (
            f"{key}: {value!r} cannot be a name, since names stand in paths; write lower-case letters, digits, "
            "dots and hyphens, beginning with a letter or digit."
        )
    described = error.schema.get("description")
    remedy = {
        "type": lambda: f"must be of type {wanted}" + (" (put it in quotes)" if wanted == "string" else ""),
        "enum": lambda: f"must be one of {quote(wanted)}" + _nearest(value, wanted),
        "minItems": lambda: "must not be an empty list" if wanted == 1 else f"needs at least {wanted} entries",
        "maxItems": lambda: f"may have at most {wanted} entries",
        "minProperties": lambda: f"needs at least {wanted} entries",
        "uniqueItems": lambda: "names something twice; remove the repetition",
        "minLength": lambda: "must not be empty",
        "minimum": lambda: f"must be at least {wanted}",
        "maximum": lambda: f"must be at most {wanted}",
        "exclusiveMinimum": lambda: f"must be more than {wanted}",
        "pattern": lambda: _PATTERNS.get(wanted, f"must match {wanted}"),
        "anyOf": lambda: "must be " + " or ".join(_shape(option) for option in wanted),
    }.get(kind, lambda: error.message)()
    return f"{key}: {_short(value)} {remedy}." + (f" ({described.rstrip('.')}.)" if described else "")


_PATTERNS = {
    r"^[^{}]*\{label\}[^{}]*$": "must hold {label} exactly once and no other braces",
    r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+$": "must be pinned as name==version",
    r"^[0-9a-f]{64}$": "must be a sha256 of 64 lower-case hexadecimal digits",
    r"^[^/\s]+(/[^/\s]+)?$": "must be a hub id such as org/Name",
    r"^(auto|cpu|mps|cuda(:[0-9]+)?)$": "must be auto, cpu, mps, cuda or cuda:0, cuda:1 …",
}


def _shape(option):
    if "const" in option:
        return repr(option["const"])
    if "enum" in option:
        return "one of " + quote(option["enum"])
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
    bounds = [
        f"{word} {option[bound]}"
        for bound, word in (("minimum", "of at least"), ("exclusiveMinimum", "above"))
        if bound in option
    ]
    return " ".join([kind, *bounds])


def quote(values):
    """A value or several as they would stand in the config."""
    values = values if isinstance(values, (list, tuple)) else [values]
    return ", ".join(repr(v) for v in values)


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _nearest(value, known):
    close = difflib.get_close_matches(str(value), [str(k) for k in known], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def suggest(value, known):
    """What to write instead of `value`: the nearest of the names known, or all of them."""
    close = difflib.get_close_matches(value, known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return "write one of " + ", ".join(known) if known else "nothing of that sort is known"
