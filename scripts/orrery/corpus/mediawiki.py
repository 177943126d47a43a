"""MediaWiki XML dumps as plain text."""

import bz2
import re
from contextlib import suppress
from itertools import islice
from xml.etree import ElementTree

from orrery.store import atomic

_SPACES = re.compile(r"[ \t\xa0]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")
_DROPPED_TAGS = {"ref", "gallery", "table", "math", "timeline", "code", "syntaxhighlight", "score"}
_DROPPED_LINKS = ("file:", "image:", "category:")


def dump_to_parquet(dump, path, rows=1000):
    """Write the articles of a dump (XML, bz2 or plain) as Parquet: id, title, url, text, one row an article."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in ("id", "title", "url", "text")])
    pages = articles(dump)
    with atomic(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        while some := list(islice(pages, rows)):
            writer.write_table(pa.Table.from_pylist(some, schema))


def articles(dump):
    """Yield {id, title, url, text} of every page in the main namespace that is no redirect."""
    opener = bz2.open if str(dump).endswith(".bz2") else open
    site = ""
    with opener(dump, "rb") as file:
        for _, element in ElementTree.iterparse(file):
            tag = element.tag.rpartition("}")[2]
            if tag == "base":
                site = element.text.rpartition("/")[0]
            if tag != "page":
                continue
            fields = {child.tag.rpartition("}")[2]: child for child in element.iter()}
            if fields["ns"].text == "0" and "redirect" not in fields and fields["text"].text:
                title = fields["title"].text
                page = next(c.text for c in element if c.tag.rpartition("}")[2] == "id")
                url = f"{site}/{title.replace(' ', '_')}" if site else ""
                yield {"id": page, "title": title, "url": url, "text": plain_text(fields["text"].text)}
            element.clear()


def plain_text(wikitext):
    """Running text of an article: no templates, tables, references, files, categories or markup."""
    import mwparserfromhell

    code = mwparserfromhell.parse(wikitext, skip_style_tags=True)
    for node in code.filter_tags(recursive=True, matches=lambda n: str(n.tag).lower() in _DROPPED_TAGS):
        _remove(code, node)
    for node in code.filter_wikilinks(matches=lambda n: str(n.title).lower().lstrip(" :").startswith(_DROPPED_LINKS)):
        _remove(code, node)
    text = code.strip_code(normalize=True, collapse=True, keep_template_params=False)
    lines = (
        _SPACES.sub(" ", line).strip().lstrip("*#:; ")
        for line in text.replace("'''", "").replace("''", "").splitlines()
    )
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _remove(code, node):
    with suppress(ValueError):  # it may stand inside a node that is already gone
        code.remove(node)
