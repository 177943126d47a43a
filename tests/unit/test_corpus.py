"""From files to samples: readers, contexts, drops, quotas, spread samples; the engine equals the reference."""

import bz2
import gzip
import json
import os
import random
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from orrery.corpus import scan as engine
from orrery.corpus.files import File, list_files
from orrery.corpus.labelled import Finder
from orrery.corpus.mediawiki import articles, dump_to_parquet, plain_text
from orrery.corpus.readers import read_batches
from orrery.corpus.tables import read_rows
from orrery.errors import OrreryError

CORPUS = {"format": "auto", "text": "text"}
OPTIONS = {
    "sampling": "first", "per_label": 9, "per_document": "all", "case_sensitive": True, "whole_words": True, "before": 40,
    "after": 20, "min_chars": 0, "whitespace": "keep", "leaks": "flag", "duplicates": "drop", "near_duplicates": "ignore",
    "similarity": 0.8, "phrases": "ignore", "phrase_repeats": 3,
}  # fmt: skip
MONTHS = {"March": ["March"], "May": ["May"]}
WEEKDAYS = {
    day: [day, f"{day}s"] for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
}


def spec_of(forms=MONTHS, seed=0, **options):
    values = {label: float(n) for n, label in enumerate(forms)}
    return {"forms": forms, "values": values, "options": {**OPTIONS, **options}, "seed": seed}


def file_of(path):
    status = os.stat(path)
    return File(path.name, status.st_size, str(status.st_mtime_ns), str(path))


def write_parquet(path, texts, rows_per_group=1000, **columns):
    pq.write_table(pa.table({"text": pa.array(texts, pa.string()), **columns}), path, row_group_size=rows_per_group)
    return file_of(path)


def chosen(candidates, report, spec, files):
    samples, report = engine.select(candidates, report, spec)
    engine.identify(samples, files, CORPUS)
    return samples, report


def run(files, specs, tmp_path, **options):
    """name → (samples, report), each concept by a scan for all of them."""
    found = {}
    for name, spec in specs.items():
        result = engine.scan(files, CORPUS, name, specs, tmp_path / "pieces", **options)
        found[name] = chosen(*result, spec, files)
    for name, spec in specs.items():
        engine.discard(files, CORPUS, name, spec, tmp_path / "pieces", "", False)
    assert not list((tmp_path / "pieces").glob("*.parquet"))
    return found


@pytest.fixture
def find(tmp_path):
    """(samples, report) of texts, one document each."""

    def find(*texts, forms=MONTHS, **options):
        file = write_parquet(tmp_path / "x.parquet", texts, id=[str(n) for n in range(len(texts))])
        return run([file], {"c": spec_of(forms, **options)}, tmp_path)["c"]

    return find


def test_whole_words_only_and_case_matters(find):
    samples, report = find("Mayor Mays mayMay may May. MAY _May May_ 5May May-pole (May) ÉMay")
    assert [s["text"][s["start"] : s["end"]] for s in samples] == ["May"] * 3
    assert report["found"] == {"March": 0, "May": 3}
    assert len(find("may MAY", case_sensitive=False)[0]) == 2
    assert len(find("Mayor", whole_words=False)[0]) == 1


def test_span_window_and_way_back(find):
    text = "one two three four five six seven eight nine ten in May eleven twelve thirteen fourteen fifteen"
    (sample,), _ = find(text)
    assert sample["text"] == "four five six seven eight nine ten in May eleven twelve"
    assert sample["text"][sample["start"] : sample["end"]] == "May"
    assert text[sample["position"] :].startswith("May") and sample["document"] == "0" and sample["row"] == 0


def test_contexts_without_spaces_are_cut_where_they_must(find):
    (sample,), _ = find("日" * 100 + "May" + "月" * 100, whole_words=False)
    assert sample["text"] == "日" * 40 + "May" + "月" * 20


def test_context_reaches_over_lines_and_white_space_is_kept_or_not(find):
    text = "a line\r\n\n another  line\nthe end of\nMay \n now"
    assert find(text)[0][0]["text"] == text
    (sample,), _ = find(text, whitespace="normalise")
    assert sample["text"] == "a line another line the end of May now" and sample["text"][sample["start"] :][:3] == "May"
    assert text[sample["position"] :].startswith("May")


def test_every_drop_is_counted(find):
    samples, report = find(
        "It was in May", "It was in May", "March then May", "May", leaks="drop", min_chars=3, per_label=5
    )
    assert len(samples) == 1
    assert report["dropped"] == {"another label in the context": 1, "context too short": 2, "exact duplicate": 1}
    assert sum(report["found"].values()) == len(samples) + sum(report["dropped"].values())


def test_quota_and_cap_and_early_stop(find):
    texts = [f"number {i} May and May" for i in range(50)] + ["in March now"] + ["in March later"] * 50
    samples, report = find(*texts, per_label=1, per_document=1)
    assert [s["label"] for s in samples] == ["March", "May"] and report["documents"] == 51
    assert len(find("x May y May z May", per_document=2)[0]) == 2


def test_flags_instead_of_drops(find):
    samples, report = find("we met in May", "we met in May", "March or May", duplicates="flag")
    assert [s["flags"] for s in samples] == [
        "another label in the context",
        "",
        "exact duplicate",
        "another label in the context",
    ]
    assert report["dropped"] == {}


def test_near_duplicates_and_boilerplate(find):
    story = (
        "The committee agreed that the hearing on the new bridge would be held at noon on the {} of May in the old hall"
    )
    near = [story.format(n) for n in ("first", "first!", "3rd")] + ["Nothing of the kind was ever said about May again"]
    samples, report = find(*near, before=200, after=200, near_duplicates="drop")
    assert len(samples) == 2 and report["dropped"] == {"near duplicate": 2}
    posts = [f"{chr(97 + n) * 30} Posted by admin under news on {n} May 2012 at 11:0{n} by the" for n in range(6)]
    samples, report = find(*posts, before=200, after=200, phrases="drop")
    assert len(samples) == 3 and report["dropped"] == {"repeated phrase": 3}


# --------------------------------------------------------------------------------------- equal to the reference


def documents(n, seed=0):
    """Texts of words, labels, scripts, line ends and rubbish."""
    rng = random.Random(seed)
    words = ["the", "Monday", "mondays", "Sundays", "Sunday", "Fridays,", "Friday", "TUESDAY", "Wednesday's", "Thursday",
             "saturday.", "Saturday", "Tuesday", "meeting", "was", "naïve", "сегодня", "日曜日", "🌞", "e\u0301", "\r\n", "\n", "\t",
             "\0", "Mondaylike", "x" * 60, "שבת", "(Sunday)"]  # fmt: skip
    weights = [8 if word.islower() else 1 for word in words]
    for _ in range(n):
        size = rng.choice([0, 1, 3, 8, 20, 60])
        yield "".join(word + rng.choice([" ", " ", " ", "", "  "]) for word in rng.choices(words, weights, k=size))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """(file, [(row, text)]) of 20,000 documents."""
    texts = list(documents(20_000))
    return write_parquet(tmp_path_factory.mktemp("many") / "many.parquet", texts, 700), list(enumerate(texts))


def plain(samples):
    return [(s["row"], s["position"], s["label"], s["text"], s["start"], s["end"], s["leaks"]) for s in samples]


VARIANTS = [
    {"per_label": 10**6, "min_chars": 30},
    {"per_label": 10**6, "case_sensitive": False, "leaks": "drop", "duplicates": "flag"},
    {"per_label": 300, "per_document": 1, "whitespace": "normalise", "before": 100, "after": 0},
    {"per_label": 50, "per_document": 2, "whole_words": False, "before": 0, "min_chars": 0, "after": 200},
]


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_first_equals_the_reference(many, tmp_path, options):
    file, texts = many
    spec = spec_of(WEEKDAYS, **options)
    samples, report = run([file], {"c": spec}, tmp_path)["c"]
    expected, dropped = reference.first(texts, spec)
    assert plain(samples) == expected
    assert report["dropped"] == dropped


@pytest.mark.parametrize(
    "options", [{"per_label": 40, "per_document": 1, "leaks": "drop"}, {"per_label": 500, "min_chars": 20}], ids=str
)
def test_spread_equals_the_reference(many, tmp_path, options):
    file, texts = many
    spec = spec_of(WEEKDAYS, seed=5, sampling="spread", case_sensitive=False, **options)
    samples, report = run([file], {"c": spec}, tmp_path)["c"]
    assert plain(samples) == reference.spread(texts, spec, file.name)
    assert sum(report["found"].values()) == len(samples) + sum(report["dropped"].values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["May", "March", " ", "\n", "\r\n", "é", "\u0301", "🌞", "אב", "\0", "a", "."]), max_size=60)
                .map("".join), min_size=1, max_size=6), st.integers(0, 12), st.integers(0, 9), st.booleans())  # fmt: skip
def test_contexts_equal_the_reference(tmp_path_factory, texts, before, after, normalise):
    tmp_path = tmp_path_factory.mktemp("c")
    spec = spec_of(before=before, after=after, whitespace="normalise" if normalise else "keep", per_label=99)
    samples, _ = run([write_parquet(tmp_path / "x.parquet", texts)], {"c": spec}, tmp_path)["c"]
    assert plain(samples) == reference.first(list(enumerate(texts)), spec)[0]


# ------------------------------------------------------------------------------------------ many files and parts


@pytest.fixture(autouse=True, scope="module")
def small_units():
    """Every file is a unit of its own."""
    whole, engine.UNIT_BYTES = engine.UNIT_BYTES, 0
    yield
    engine.UNIT_BYTES = whole


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    return [write_parquet(folder / f"{n:02d}.parquet", list(documents(800, n)), 100) for n in range(7)]


SPECS = {
    "spread": spec_of(WEEKDAYS, sampling="spread", per_label=30, near_duplicates="drop"),
    "first": spec_of(WEEKDAYS, per_label=150, per_document=1, near_duplicates="drop", phrases="drop"),
}


@pytest.fixture(scope="module")
def alone(several, tmp_path_factory):
    """Each concept by itself, by one process."""
    return {k: run(several, {k: spec}, tmp_path_factory.mktemp("alone"))[k] for k, spec in SPECS.items()}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_processes_and_company_change_nothing(several, alone, tmp_path, workers):
    assert run(several, SPECS, tmp_path, workers=workers) == alone
    assert 1 < alone["first"][1]["files"] < 7 and alone["spread"][1]["files"] == 7


def test_small_files_are_scanned_together(several, alone, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "UNIT_BYTES", 5 * several[0].size // 2)
    assert 1 < len(engine.units_of(several)) < 7
    assert run(several, {"spread": SPECS["spread"]}, tmp_path) == {"spread": alone["spread"]}


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_a_scattered_scan_gives_the_same(several, alone, tmp_path, parts):
    spec = SPECS["spread"]
    merge = engine.Merge(spec)
    for part in range(parts):
        result = engine.scan(several[part::parts], CORPUS, "spread", {"spread": spec}, tmp_path / "pieces")
        engine.write_candidates(tmp_path / "part.parquet", *result)
        merge.add(*engine.read_candidates(tmp_path / "part.parquet"))
    assert chosen(*merge.result(), spec, several) == alone["spread"]


@pytest.mark.parametrize("workers, unit", [(1, 0), (2, 0), (1, 1 << 20)])
def test_what_repeats_other_files_leaves_no_quota_unfilled(tmp_path, monkeypatch, workers, unit):
    monkeypatch.setattr(engine, "UNIT_BYTES", unit)
    boiler = "posted by admin in our general news {} filed under the usual"
    own = [[f"what number {number} saw on {day}" for number in range(20)] for day in ("Monday", "Tuesday")]
    texts = [[boiler.format("Monday")] * 3, [boiler.format("Tuesday")] * 3 + own[1], own[0] + own[1][:5]]
    files = [write_parquet(tmp_path / f"{n}.parquet", t) for n, t in enumerate(texts)]
    spec = spec_of({d: [d] for d in ("Monday", "Tuesday")}, per_label=3, duplicates="ignore", phrases="drop")
    both = {"c": spec, "other": spec_of({"Friday": ["Friday"], "May": ["news"]}, per_label=1)}
    samples, report = run(files[:2], both, tmp_path, workers=workers)["c"]
    assert report["kept"] == {"Monday": 3, "Tuesday": 3} and report["dropped"] == {"repeated phrase": 3}
    assert [(s["file"], s["row"]) for s in samples[3:]] == [("1.parquet", 3), ("1.parquet", 4), ("1.parquet", 5)]
    assert report["found"] == {"Monday": 3, "Tuesday": 6} and report["documents"] == 26 and report["files"] == 2


def test_a_file_left_with_its_unit_is_read_after_all(tmp_path, monkeypatch):
    boiler, other = "posted by admin in our general news {} filed under the usual", "as it was said before on {} by all"
    rest = [f"what {place} saw on {day}" for place in ("Oslo", "Rome", "Lima") for day in ("Monday", "Tuesday")]
    texts = [
        [boiler.format("Monday")] * 3 + [os.urandom(40).hex() for _ in range(300)],
        [other.format("Monday"), boiler.format("Tuesday")] * 3,
        ["nothing", *rest],
    ]
    files = [write_parquet(tmp_path / f"{n}.parquet", t) for n, t in enumerate(texts)]
    monkeypatch.setattr(engine, "UNIT_BYTES", files[0].size)
    assert list(map(len, engine.units_of(files))) == [1, 2]
    spec = spec_of({d: [d] for d in ("Monday", "Tuesday")}, per_label=3, duplicates="ignore", phrases="drop")
    samples, report = run(files, {"c": spec}, tmp_path)["c"]
    assert [(s["file"], s["row"]) for s in samples] == [
        *(("0.parquet", n) for n in range(3)), *(("2.parquet", n) for n in (2, 4, 6)),
    ]  # fmt: skip
    assert report["files"] == 3 and report["documents"] == 303 + 6 + 7


def test_another_seed_draws_others(several, alone, tmp_path):
    other = run(several, {"spread": {**SPECS["spread"], "seed": 1}}, tmp_path)["spread"]
    assert other[1]["documents"] == alone["spread"][1]["documents"] and plain(other[0]) != plain(alone["spread"][0])


def test_a_spread_sample_is_uniform(tmp_path):
    texts = [f"{n} it happened in May" for n in range(6000)]
    spec = spec_of({"May": ["May"]}, sampling="spread", per_label=1200)
    samples, _ = run([write_parquet(tmp_path / "x.parquet", texts)], {"c": spec}, tmp_path)["c"]
    thirds = [sum(2000 * k <= s["row"] < 2000 * (k + 1) for s in samples) for k in range(3)]
    assert all(abs(n - 400) < 4 * (1200 * 2 / 9) ** 0.5 for n in thirds), thirds


@pytest.mark.parametrize("parts", [1, 3])
def test_a_text_that_is_everywhere_is_drawn_once(tmp_path, parts):
    rng = random.Random(0)
    texts = ["we all said it again, it was in May"] * 1800 + [f"{n} it happened in May" for n in range(200)]
    rng.shuffle(texts)
    files = [write_parquet(tmp_path / f"{n}.parquet", texts[500 * n : 500 * n + 500], 50) for n in range(4)]
    spec = spec_of({"May": ["May"]}, sampling="spread", per_label=60)
    merge = engine.Merge(spec)
    for part in range(parts):
        merge.add(*engine.scan(files[part::parts], CORPUS, "c", {"c": spec}, tmp_path / "pieces"))
    samples, report = chosen(*merge.result(), spec, files)
    assert len({s["text"] for s in samples}) == 60 and report["dropped"] == {"not drawn": 1880, "quota full": 60}
    numbered = [s for s in samples if s["text"][0].isdigit()]
    assert len(numbered) >= 59 and len({s["file"] for s in numbered}) == 4


def test_a_killed_scan_goes_on_at_the_file_that_was_open(several, alone, tmp_path, monkeypatch):
    seen = []

    def dies(files, job, *rest, at=3):
        seen.append(files[0].name)
        if len(seen) > at:
            raise KeyboardInterrupt
        return scan_unit(files, job, *rest)

    scan_unit = engine.scan_unit
    monkeypatch.setattr(engine, "scan_unit", dies)
    with pytest.raises(KeyboardInterrupt):
        run(several, {"spread": SPECS["spread"]}, tmp_path)
    monkeypatch.setattr(engine, "scan_unit", partial(dies, at=99))
    assert run(several, {"spread": SPECS["spread"]}, tmp_path)["spread"] == alone["spread"]
    assert seen == [f"{n:02d}.parquet" for n in (0, 1, 2, 3, 3, 4, 5, 6)]


def test_what_was_found_together_is_not_looked_for_again(several, alone, tmp_path, monkeypatch):
    engine.scan(several, CORPUS, "spread", SPECS, tmp_path / "pieces")
    monkeypatch.setattr(engine, "scan_unit", None)
    result = engine.scan(several, CORPUS, "first", {"first": SPECS["first"]}, tmp_path / "pieces")
    assert chosen(*result, SPECS["first"], several) == alone["first"]


def test_pieces_of_another_form_or_code_or_file_are_not_used(several, tmp_path):
    spec = SPECS["spread"]
    mended = {**spec, "forms": {**WEEKDAYS, "Monday": ["meeting"]}}
    versions = {
        engine.version_of(files, CORPUS, name, spec, code)
        for files, name, spec, code in (
            (several, "c", spec, ""), (several, "c", mended, ""), (several, "d", spec, ""), (several, "c", spec, "2"),
            (several[:2], "c", spec, ""), ([several[0]._replace(version="0"), *several[1:]], "c", spec, ""),
        )
    }  # fmt: skip
    assert len(versions) == 6
    engine.scan(several[:2], CORPUS, "c", {"c": spec}, tmp_path / "pieces")
    assert run(several[:2], {"c": mended}, tmp_path / "other")["c"][1]["found"]["Monday"] > 500


# ------------------------------------------------------------------------------------------------------- readers

ROWS = [
    {"text": "first\nline of May", "id": "a"},
    {"text": None, "id": "b"},
    {"text": 'third, "May"', "id": 3},
    {"text": "", "id": "d"},
]


def texts_of(path, format="auto", **options):
    return [
        (batch.rows[i], batch.document(i).decode("utf-8", "replace"))
        for batch in read_batches(file_of(path), format, **options)
        for i in range(len(batch.starts))
        if batch.ends[i] > batch.starts[i]
    ]


def write_as(kind, path):
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([{**row, "id": str(row["id"])} for row in ROWS]), path)
    elif "jsonl" in kind:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        comma = "\t" if "tsv" in kind else ","
        lines = [f"id{comma}text"] + [
            f'{r["id"]}{comma}"{(r["text"] or "").replace(chr(34), chr(34) * 2)}"' for r in ROWS
        ]
        path.write_text("\r\n".join(lines))


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "tsv", "jsonl.gz", "jsonl.zst", "csv.bz2"])
def test_readers_agree(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    write_as(kind, path)
    if kind.endswith((".gz", ".bz2")):
        path.write_bytes({"gz": gzip, "bz2": bz2}[kind.rpartition(".")[2]].compress(path.read_bytes()))
    if kind.endswith(".zst"):
        path.write_bytes(pa.compress(path.read_bytes(), "zstd", asbytes=True))
    assert texts_of(path) == [(0, "first\nline of May"), (2, 'third, "May"')]
    samples, _ = run([file_of(path)], {"c": spec_of()}, tmp_path)["c"]
    assert [(s["row"], s["document"], s["group"]) for s in samples] == [(0, "a", "a"), (2, "3", "3")]


def test_what_a_file_calls_its_rows_is_read_for_the_samples_only(tmp_path, monkeypatch):
    texts = [f"in May {n}" if n % 7 == 0 else "nothing" for n in range(100)]
    ids, urls = [f"id {n}" for n in range(100)], pa.array([None, *(f"u{n}" for n in range(1, 100))])
    file = write_parquet(tmp_path / "x.parquet", texts, 10, id=ids, url=urls)
    read, read_row_group = [], pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, n, **how: read.append(n) or read_row_group(self, n, **how)
    )
    samples, _ = run([file], {"c": spec_of({"May": ["May"]}, per_label=4, duplicates="ignore")}, tmp_path)["c"]
    assert [(s["row"], s["group"], s["url"]) for s in samples] == [
        (n, f"id {n}", f"u{n}" if n else "") for n in (0, 7, 14, 21)
    ]
    assert read == [0, 1, 2]
    (tmp_path / "x.parquet").write_bytes((tmp_path / "x.parquet").read_bytes() + b" ")
    for _ in range(2):
        with pytest.raises(OrreryError, match="'x.parquet' changed while it was read"):
            engine.identify(samples, [file], CORPUS)
        (tmp_path / "x.parquet").unlink(missing_ok=True)


def test_lines_and_whole_files(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"one\r\n\nthree \xff\nlast")
    assert texts_of(path) == [(0, "one"), (2, "three \ufffd"), (3, "last")]
    assert texts_of(path, "text") == [(0, "one\r\n\nthree \ufffd\nlast")]


def test_lines_longer_than_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("orrery.corpus.readers.BATCH_BYTES", 64)
    lines = ["x" * n + f" May {n}" for n in (3, 500, 0, 64, 63, 62, 1000)]
    (tmp_path / "x.txt").write_text("\n".join(lines))
    assert texts_of(tmp_path / "x.txt") == list(enumerate(lines))
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps({"text": line}) for line in lines))
    assert texts_of(tmp_path / "x.jsonl") == list(enumerate(lines))


def test_jsonl_with_blank_lines_and_what_is_no_unicode(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "a"}\n\n{"text": "b \\ud800 May", "id": {"x": 1}}\n{"other": 1}\n{"text": "c \xff"}\n')
    assert texts_of(path) == [(0, "a"), (2, "b \ufffd May".replace("\ufffd", "\ufffd" * 3)), (4, "c \ufffd")]


def test_invalid_utf8_is_read_with_a_mark(tmp_path):
    broken = pa.array([b"in May \xff\xfe now", b"\x80 May day", b"nothing"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": broken}), tmp_path / "x.parquet")
    for forms in ({"May": ["May"]}, {"May": [r"Ma\w"]}):
        samples, _ = run([file_of(tmp_path / "x.parquet")], {"c": spec_of(forms)}, tmp_path)["c"]
        assert [s["text"] for s in samples] == ["in May \ufffd\ufffd now", "\ufffd May day"]


def test_company_changes_nothing_where_bytes_are_no_unicode(tmp_path):
    rng = random.Random(0)
    words = [b"May", b"March", b"\xff", b"\xe9 word", b"and then", "日".encode()]
    texts = [b" ".join(rng.choices(words, k=30)) for _ in range(300)]
    pq.write_table(pa.table({"text": pa.array(texts, pa.binary()).view(pa.string())}), tmp_path / "x.parquet")
    plain_set = spec_of(sampling="spread", per_document=1, leaks="flag", per_label=200)
    both = {"a": plain_set, "b": spec_of({"x": [r"M\w+"], "y": ["then"]}, sampling="spread")}
    file = file_of(tmp_path / "x.parquet")
    assert run([file], both, tmp_path)["a"] == run([file], {"a": plain_set}, tmp_path)["a"]


def test_what_a_corpus_says_of_its_documents_is_not_trusted(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "in May", "id": "a\\ud800"}\n{"text": "late May", "id": ["b"]}\n')
    samples, _ = run([file_of(path)], {"c": spec_of()}, tmp_path)["c"]
    assert [s["text"] for s in samples] == ["in May", "late May"] and samples[0]["document"] == "a?"
    path.write_bytes(b'{"text": "in May", "z": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
    samples, _ = run([file_of(path)], {"c": spec_of()}, tmp_path)["c"]
    assert [(s["text"], s["document"]) for s in samples] == [("in May", "")]


def test_a_document_of_megabytes_among_others(tmp_path):
    texts = ["first May", "word " * 1_000_000 + "May" + " word" * 100, "last May"]
    samples, _ = run([write_parquet(tmp_path / "x.parquet", texts)], {"c": spec_of()}, tmp_path)["c"]
    assert [(s["row"], s["position"]) for s in samples] == [(0, 6), (1, 5_000_000), (2, 5)]


def test_files_come_sorted_and_by_their_glob(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "asset.json").write_text("{}")
    assert [f.name for f in list_files(tmp_path, "**/*.txt")] == ["a.txt", "b.txt", "sub/c.txt"]
    with pytest.raises(OrreryError, match=r"corpora.mine.files: no file of the asset matches '\*.gz'; it holds a.txt"):
        list_files(tmp_path, "*.gz", "mine")


BAD = [
    ("x.parquet", b"PAR1 cut", "auto", "cannot be read"),
    ("x.parquet", b"", "auto", "cannot be read"),
    ("x.jsonl", b"{]\n", "auto", "line 1 of 'x.jsonl' is not JSON"),
    ("x.jsonl", b'{"text": "a"}\n[1]\n', "auto", "line 2 of 'x.jsonl' is no JSON object"),
    ("x.jsonl", b'{"body": 1}', "auto", "'x.jsonl' has no key 'text'; its first line has 'body'"),
    ("x.jsonl", b'{"text": "a"}\n{"text": 7}', "auto", "line 2 of 'x.jsonl' has 7 under 'text', which is no text"),
    ("x.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 9999)[:-20], "auto", "cannot be read"),
    ("x.csv", b"a,b\n1,2\n", "auto", "no column 'text'; it has 'a', 'b'"),
    ("x.csv", b"", "auto", "no column 'text'; it has none"),
    ("x.csv", b"text,b\n1,2\n3\n", "auto", "cannot be read"),
    ("x.bin", b"", "auto", "'x.bin' does not tell its format"),
]


@pytest.mark.parametrize("name, content, format, sentence", BAD, ids=[b[3][:30] for b in BAD])
def test_bad_files_get_a_sentence(tmp_path, name, content, format, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OrreryError, match=sentence):
        texts_of(tmp_path / name, format, corpus="mine")


def test_a_truncated_parquet_file_gets_a_sentence(tmp_path, many):
    data = Path(many[0].path).read_bytes()
    for name, cut in (("end", data[:-100]), ("page", data[:5000] + bytes(3000) + data[8000:])):
        (tmp_path / f"{name}.parquet").write_bytes(cut)
        with pytest.raises(OrreryError, match=f"corpora.mine: '{name}.parquet' cannot be read"):
            texts_of(tmp_path / f"{name}.parquet", corpus="mine")


@pytest.mark.parametrize("table, sentence", [({"body": ["a"]}, "no column 'text'"), ({"text": [1]}, "int64, not text")])
def test_wrong_columns_get_a_sentence(tmp_path, table, sentence):
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    with pytest.raises(OrreryError, match=sentence):
        texts_of(tmp_path / "x.parquet")


def test_other_columns_and_kinds_of_text(tmp_path):
    nested = pa.array([{"a": 1, "b": [1]}] * 3)
    text = pa.array(["in May", None, "March"], pa.large_string())
    pq.write_table(pa.table({"n": nested, "text": text, "url": ["u", "v", "w"]}), tmp_path / "x.parquet")
    samples, _ = run([file_of(tmp_path / "x.parquet")], {"c": spec_of()}, tmp_path)["c"]
    assert [(s["label"], s["row"], s["url"], s["group"]) for s in samples] == [
        ("March", 2, "w", "x.parquet:2"), ("May", 0, "u", "x.parquet:0"),
    ]  # fmt: skip


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("a\nb\n")
    batches = read_batches(file_of(path), corpus="mine")
    next(batches)
    path.write_text("something else")
    with pytest.raises(OrreryError, match="'x.txt' changed while it was read"):
        list(batches)


# ------------------------------------------------------------------------------------------------ labelled tables


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.jsonl"])
def test_labelled_tables(tmp_path, name):
    rows = [{"label": "May", "text": "May, not in May", "group": "g"}, {"label": "March", "text": "it was March"}]
    table = pa.Table.from_pylist(rows)
    if name.endswith("csv"):
        pa.csv.write_csv(table, tmp_path / name)
    elif name.endswith("parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    read = list(read_rows([file_of(tmp_path / name)], {**CORPUS, "label": "label"}))
    assert [(r["label"], r["text"], r["row"], r["group"]) for r in read] == [
        ("May", "May, not in May", 0, "g"), ("March", "it was March", 1, ""),
    ]  # fmt: skip
    assert Finder("c", spec_of()).spans("May", "May, not in é May x") == [(0, 3), (14, 17)]
    assert Finder("c", spec_of()).spans("May", "mayor") == []


def test_labelled_tables_are_taken_as_they_stand(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"title,text,id,start\n01,caf\xe9 on 01,0,\nNA,x,1,2\n")
    rows = list(read_rows([file_of(tmp_path / "t.csv")], {**CORPUS, "label": "title"}))
    assert [(r["label"], r["text"], r["id"], r["start"]) for r in rows] == [
        ("01", "caf\ufffd on 01", "0", ""),
        ("NA", "x", "1", "2"),
    ]


# ----------------------------------------------------------------------------------------------------- wikitext


def test_wikitext_becomes_prose(tmp_path):
    source = (
        "{{Infobox|born=May 1}}'''Ada''' was born in [[London|the city]] in [[May]].<ref>Smith, June 2001</ref>\n"
        "[[File:a.jpg|thumb|in July]]\n== Life ==\n* one\n{| class=wikitable\n| August\n|}\n[[Category:March births]]"
    )
    assert plain_text(source) == "Ada was born in the city in May.\n\nLife\none"
    page = "<page><title>{t}</title><ns>{ns}</ns><id>{i}</id>{r}<revision><id>9</id><text>{x}</text></revision></page>"
    site = "<siteinfo><base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base></siteinfo>"
    xml = f"<mediawiki xmlns='http://www.mediawiki.org/xml/export-0.11/'>{site}" + "".join([
        page.format(t="A B", ns=0, i=1, r="", x="Hello."), page.format(t="T", ns=1, i=2, r="", x="Talk."),
        page.format(t="R", ns=0, i=3, r="<redirect title='A B'/>", x="#REDIRECT"), page.format(t="C", ns=0, i=4, r="", x="Bye."),
    ]) + "</mediawiki>"  # fmt: skip
    (tmp_path / "d.xml.bz2").write_bytes(bz2.compress(xml.encode()))
    found = list(articles(tmp_path / "d.xml.bz2"))
    assert found[0] == {"id": "1", "title": "A B", "url": "https://de.wikipedia.org/wiki/A_B", "text": "Hello."}
    dump_to_parquet(tmp_path / "d.xml.bz2", tmp_path / "d.parquet", rows=1)
    assert pq.read_table(tmp_path / "d.parquet").to_pylist() == found and len(found) == 2
