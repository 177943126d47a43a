"""MediaWiki dumps become articles, in little memory; what is no dump gets a sentence."""

import bz2
import gzip
import tracemalloc

import pyarrow.parquet as pq
import pytest
from orrery import assets
from orrery.corpus.mediawiki import articles
from orrery.errors import OrreryError

NAMESPACES = '<namespaces><namespace key="0" /><namespace key="1">Talk</namespace></namespaces>'
PAGE = "<page><title>{}</title>{}<id>1</id><revision><id>9</id><text>{}</text></revision></page>"


def dump(*pages, site=""):
    return f"<mediawiki><siteinfo>{site}</siteinfo>{''.join(pages)}</mediawiki>".encode()


def convert(path, tmp_path):
    assets.fetch("wiki", {"path": str(path), "convert": "mediawiki"}, tmp_path / "made" / "wiki")


WHOLE = dump(PAGE.format("A", "<ns>0</ns>", "Hello."))
BROKEN = [
    ("cut.xml", WHOLE[:-20], "unclosed token"),
    ("cut.xml.bz2", bz2.compress(WHOLE)[:-10], "ended before the end"),
    ("empty.xml", b"", "no element found"),
    ("empty.xml.bz2", b"", "ended before the end"),
    ("zipped.xml", gzip.compress(WHOLE), "not well-formed"),
    ("zipped.xml.bz2", gzip.compress(WHOLE), "Invalid data stream"),
    ("page.xml", b"<html><page/></html>", "its root is <html>, not <mediawiki>"),
    ("old.xml", b'<?xml version="1.0" encoding="shift_jis"?>' + WHOLE, "multi-byte encodings"),
    ("odd.xml", b'<?xml version="1.0" encoding="odd"?>' + WHOLE, "unknown encoding"),
]


@pytest.mark.parametrize("name, content, reason", BROKEN, ids=[b[0] for b in BROKEN])
def test_what_is_no_whole_dump_gets_a_sentence_and_leaves_nothing(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OrreryError, match=rf"assets.wiki.convert: '{name}' cannot be read .*\(.*{reason}.*\)"):
        convert(tmp_path / name, tmp_path)
    assert list((tmp_path / "made").iterdir()) == []


def test_pages_that_do_not_say_their_namespace_go_by_their_title(tmp_path):
    titles = ["A", "Talk", "Talk:A", "Alien: Resurrection"]
    (tmp_path / "d.xml").write_bytes(dump(*(PAGE.format(t, "", "Hello.") for t in titles), site=NAMESPACES))
    assert [a["title"] for a in articles(tmp_path / "d.xml")] == ["A", "Talk", "Alien: Resurrection"]


def test_pages_without_id_title_or_text(tmp_path):
    bare = "<page><revision><text>Hello.</text></revision></page>"
    (tmp_path / "d.xml").write_bytes(dump("<page><title>A</title><id>1</id></page>", bare))
    assert list(articles(tmp_path / "d.xml")) == [{"id": "", "title": "", "url": "", "text": "Hello."}]


def test_dumps_of_one_name_in_two_folders_stay_two(tmp_path):
    for folder in ("de", "en"):
        (tmp_path / "dumps" / folder).mkdir(parents=True)
        (tmp_path / "dumps" / folder / "x.xml").write_bytes(dump(PAGE.format(folder, "", "Hello.")))
    convert(tmp_path / "dumps", tmp_path)
    for folder in ("de", "en"):
        assert pq.read_table(tmp_path / "made" / "wiki" / folder / "x.xml.parquet")["title"].to_pylist() == [folder]


def test_memory_does_not_grow_with_the_pages(tmp_path):
    (tmp_path / "d.xml").write_bytes(dump(*[PAGE.format("A", "<ns>1</ns>", "Hello.")] * 20_000))
    tracemalloc.start()
    assert list(articles(tmp_path / "d.xml")) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6  # empty pages left in the root would take twice as much
