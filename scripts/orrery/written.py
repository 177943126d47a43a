"""What stands where in the files of a configuration: the line of a key, and each scalar as it was written.

Snakemake hands over what YAML made of a file: `12:30` has become 750, `on` has become true, and of a repeated key only
the last remains. The files are read once more here, as YAML nodes, which know all of that.
"""

import json
import os
from functools import cached_property

from orrery.errors import OrreryError


class Written:
    """The files of a configuration, those that are merged last at the end.

    Parameters
    ----------
    files : iterable of path
        YAML or JSON. What is no regular file (a pipe) cannot be read twice and is left out.
    own : dict, optional
        What is merged over the first file, from the others and the command line, which has no lines.
    """

    def __init__(self, files=(), own=None):
        self._files, self._own = [str(file) for file in files if os.path.isfile(file)], own or {}

    @cached_property
    def _roots(self):
        roots = [(shown(file), compose(read_text(file), file)) for file in self._files]
        return [(file, root) for file, root in reversed(roots) if root is not None and not _is_template(root)]

    def repeated(self):
        """A sentence for each key that stands twice in a mapping of a file, of which YAML would take the last."""
        for file in self._files:
            root = compose(text := read_text(file), file)
            lines = repeated_keys(root) if root is not None else [(None, key) for key in _repeated_in_json(text)]
            yield from (_repeated(file, line, key) for line, key in lines)

    def place(self, key):
        """`file, line 3` of a dotted key, or of the mapping or list that it would stand in; None if no file has it."""
        found = [(*_walk(root, key), file) for file, root in self._roots]
        depth, node, file = max(found, key=lambda entry: entry[0], default=(0, None, None))
        if not depth or (file == shown(self._files[0]) and _depth(self._own, key) >= depth):
            return None
        return f"{file}, line {node.start_mark.line + 1}"

    def text(self, path):
        """The scalar under a path of keys and numbers of items as it was written, or None."""
        nodes = (_follow(root, path) for _, root in self._roots)
        return next((node.value for node in nodes if node is not None and node.id == "scalar"), None)

    def key(self, path, value):
        """A key of the mapping under a path as it was written, by what YAML made of it, or None."""
        import yaml

        for node in (_follow(root, path) for _, root in self._roots):
            for name, _ in node.value if node is not None and node.id == "mapping" else ():
                loader = yaml.FullLoader("")
                if name.id == "scalar" and loader.construct_object(name) == value:
                    return name.value
        return None


def shown(file):
    """A path as it is shown in messages: from the working directory where that is shorter."""
    return min(os.path.relpath(file), str(file), key=len)


def read_text(file):
    """The text of a YAML file; OrreryError where it is no UTF-8."""
    try:
        with open(file, encoding="utf-8-sig") as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise OrreryError(f"{shown(file)}: cannot be read as UTF-8 text ({error}); save it as UTF-8.") from None


def compose(text, file):
    """The YAML node of a text, or None for an empty one and for JSON that is no YAML.

    Raises
    ------
    OrreryError
        It is neither, with file and line.
    """
    import yaml

    try:
        return yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        if _is_json(text):
            return None
        raise not_yaml(file, error) from None


def not_yaml(file, error):
    """The OrreryError for a YAML error, with file and line."""
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return OrreryError(f"{shown(file)}{line}: this is not YAML ({problem}); mend it there or a line before.")


def load_strictly(file):
    """What a YAML file holds, with an OrreryError for the first key that stands twice in a mapping."""
    import yaml

    root = compose(read_text(file), file)
    for line, key in repeated_keys(root) if root is not None else ():
        raise OrreryError(_repeated(file, line, key))
    try:
        return None if root is None else yaml.SafeLoader("").construct_document(root)
    except yaml.YAMLError as error:
        raise not_yaml(file, error) from None


def repeated_keys(root):
    """(line, key) of every key that stands twice in a mapping under a YAML node."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        if node.id == "sequence":
            waiting += node.value
            continue
        waiting += [value for _, value in node.value]
        first = set()
        for key, _ in node.value:
            if key.id == "scalar" and key.value in first:
                yield key.start_mark.line + 1, key.value
            first.add(key.value if key.id == "scalar" else None)


def _repeated(file, line, key):
    where = shown(file) + (f", line {line}" if line else "")
    return f"{where}: the key {key!r} stands twice in one mapping; YAML would take the last, so remove or rename one."


def _is_json(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _repeated_in_json(text):
    repeated = []

    def note(pairs):
        names = [name for name, _ in pairs]
        repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    if text.strip():
        json.loads(text, object_pairs_hook=note)
    return repeated


def _is_template(root):
    """Whether Snakemake has run the file through YTE, after which nothing stands where it stood."""
    return root.id == "mapping" and any(key.value == "__use_yte__" for key, _ in root.value)


def _follow(node, path):
    for part in path:
        if node.id == "mapping":
            node = next((value for key, value in reversed(node.value) if key.value == str(part)), None)
        elif node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
        if node is None:
            return None
    return node


def _depth(value, key):
    """How many steps a dotted key leads into mappings."""
    names = [name for name in value if f"{key}.".startswith(f"{name}.")] if isinstance(value, dict) else []
    if not names or not key:
        return 0
    name = max(names, key=lambda name: len(str(name)))
    return 1 + _depth(value[name], key[len(str(name)) + 1 :])


def _walk(node, key):
    """(number of steps, node): how far a dotted key, whose parts may hold dots themselves, leads below a node."""
    depth, place = 0, node
    while key:
        if node.id == "mapping":
            names = [(name, value, str(name.value)) for name, value in node.value if name.id == "scalar"]
            fitting = [(name, value, t) for name, value, t in names if key == t or key.startswith(f"{t}.")]
            if not fitting:
                break
            place, node, text = max(fitting, key=lambda entry: len(entry[2]))
        else:
            text = key.partition(".")[0]
            if node.id != "sequence" or not text.isdigit() or int(text) >= len(node.value):
                break
            place = node = node.value[int(text)]
        depth, key = depth + 1, key[len(text) + 1 :]
    return depth, place
