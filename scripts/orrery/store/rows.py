"""What people open in other programs as well: rows of numbers and sentences as CSV, facts as JSON.

The checksum stands in the file: a column of a CSV, the last key of a JSON. It is the digest of the bytes of the file
with zeros in its own place.
"""

import csv
import io
import json
import re

from orrery.store.files import atomic
from orrery.store.seal import damaged, digest

CHECKSUM = "checksum"
NONE = b"0" * 16
WAS_CHECKSUM = re.compile(rb'"checksum":|"[^"]*": "[0-9a-f]{16}"\n}\n?\Z')
LAST_KEY = re.compile(rb'"checksum": "([0-9a-f]{16})"\n}\n?\Z')


def write_rows(path, rows, columns):
    """Write rows (dicts) as CSV, with a last column `checksum`, the same in each; without rows, its name has it."""
    text, rows, none = io.StringIO(newline=""), list(rows), NONE.decode()
    table = csv.writer(text)
    table.writerow([*columns, CHECKSUM if rows else f"{CHECKSUM}_{none}"])
    table.writerows([*(row.get(name, "") for name in columns), none] for row in rows)
    _write_sealed(path, text.getvalue().encode(), rb"(?<=[,_])0{16}(?=\r\n)")


def read_rows(path):
    """The rows of a file of `write_rows`, dicts of text.

    Raises
    ------
    OrreryError
        The file is damaged, cut short, or was edited.
    """
    with open(path, "rb") as file:
        data = file.read()
    _check(path, data, data.rstrip()[-16:])
    rows = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return [{key: value for key, value in row.items() if key != CHECKSUM} for row in rows]


def write_facts(path, facts):
    """Write a dict as JSON, with a last key `checksum`."""
    text = json.dumps({**facts, CHECKSUM: NONE.decode()}, indent=1, ensure_ascii=False) + "\n"
    _write_sealed(path, text.encode(), rb"0{16}(?=\"\n}\n\Z)")


def read_facts(path):
    """The dict in a file of `write_facts`. One without a checksum, of an older version, is taken as it is.

    Raises
    ------
    OrreryError
        The file is damaged or cut short.
    """
    with open(path, "rb") as file:
        data = file.read()
    if found := LAST_KEY.search(data):
        _check(path, data, found[1])
    try:
        facts = json.loads(data)
    except ValueError:
        raise damaged(path, "it is no JSON" if data else "it is empty") from None
    if not found and WAS_CHECKSUM.search(data):
        raise damaged(path, "its checksum does not match, or it was edited")
    return {key: value for key, value in facts.items() if key != CHECKSUM}


def _write_sealed(path, data, places):
    made = digest(data).encode()
    with atomic(path) as part:
        part.write_bytes(re.sub(places, made, data))


def _check(path, data, found):
    if not data:
        raise damaged(path, "it is empty")
    if digest(data.replace(found, NONE)).encode() != found:
        raise damaged(path, "its checksum does not match, or it was edited")
