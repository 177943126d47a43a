"""MediaWiki XML dumps as plain text."""

import bz2
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from orrery.errors import OrreryError
from orrery.store import atomic

_SPACES = re.compile(r"[ \t\xa0]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")
_DROPPED_TAGS = {"ref", "gallery", "table", "math", "timeline", "code", "syntaxhighlight", "score"}
_DROPPED_LINKS = ("file:", "image:", "category:")


def dump_to_parquet(dump, path, asset="dump", rows=1000):
    """Write the articles of a dump (XML, bz2 or plain) as Parquet: id, title, url, text, one row an article.

    Raises
    ------
    OrreryError
        The file is no dump, or is cut short; then nothing is at `path`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in ("id", "title", "url", "text")])
    pages = articles(dump, asset)
    with atomic(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        while some := list(islice(pages, rows)):
            writer.write_table(pa.Table.from_pylist(some, schema))


def articles(dump, asset="dump"):
    """Yield {id, title, url, text} of every page in the main namespace that is no redirect.

    Old dumps do not say a page's namespace: it is the main one unless the title begins with the name of another.

    Raises
    ------
    OrreryError
        The file is no dump, or is cut short.
    """
    site, others = "", ()
    for tag, element in _elements(dump, asset):
        if tag == "siteinfo":
            site = element.findtext("{*}base", "").rpartition("/")[0]
            names = element.iterfind("{*}namespaces/{*}namespace")
            others = tuple(f"{name.text}:" for name in names if name.text)
            continue
        title = element.findtext("{*}title", "")
        if element.findtext("{*}ns", "1" if title.startswith(others) else "0") != "0":
            continue
        texts = element.findall("{*}revision/{*}text")
        if texts and texts[-1].text and element.find("{*}redirect") is None:
            url = f"{site}/{title.replace(' ', '_')}" if site else ""
            yield {"id": element.findtext("{*}id", ""), "title": title, "url": url, "text": plain_text(texts[-1].text)}


def _elements(dump, asset):
    """Yield (tag, element) of the siteinfo and of every page, each forgotten when the next is read."""
    opener = bz2.open if str(dump).endswith(".bz2") else open
    try:
        with opener(dump, "rb") as file:
            events = ElementTree.iterparse(file, events=("start", "end"))
            _, root = next(events)
            if _tag(root) != "mediawiki":
                raise ValueError(f"its root is <{_tag(root)}>, not <mediawiki>")
            for event, element in events:
                if event == "end" and _tag(element) in ("siteinfo", "page"):
                    yield _tag(element), element
                    root.clear()
    # a file of another kind may name an encoding that Python does not know, or cannot use here
    except (ElementTree.ParseError, EOFError, OSError, ValueError, LookupError) as error:
        raise OrreryError(
            f"assets.{asset}.convert: {Path(dump).name!r} cannot be read as a MediaWiki dump ({error}): it is cut, "
            "damaged or of another kind. Give the XML export, plain or with the ending .bz2, or fetch it again."
        ) from error


def _tag(element):
    return element.tag.rpartition("}")[2]


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
