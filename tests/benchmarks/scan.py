"""How fast a corpus is scanned, beside reading it only, ripgrep, and the loops of a notebook.

    python tests/benchmarks/scan.py [--megabytes 1000] [--rounds 5]

Makes text of sentences of Wikipedia and of news drawn with a seed (a weekday each 12 kB), writes it as zstd Parquet and as
a plain file, and times everything in turn, round by round; the table has medians and the ratios of each round's times.
Wants ripgrep (`rg`) on the path. It fetches the two texts of the default configuration.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import orrery.corpus  # noqa: I001  before pyarrow, of whose memory it decides
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from orrery import assets
from orrery.corpus import scan as engine
from orrery.corpus.files import File
from orrery.corpus.readers import read_batches

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
OTHERS = [
    "January February March April May June July August September October November December",
    "red orange yellow green blue purple brown black white grey pink gold",
    "dog cat horse cow sheep pig lion tiger bear wolf fox mouse",
    "London Paris Berlin Rome Madrid Vienna Athens Moscow Tokyo Sydney Cairo Lima",
    "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune Pluto Ceres Moon Sun",
    "doctor teacher lawyer engineer nurse farmer soldier writer painter singer actor king",
    "apple pear plum peach cherry grape lemon banana fig date melon olive",
    "iron copper silver tin lead zinc nickel mercury oxygen carbon helium neon",
    "happy sad angry afraid proud calm bored tired glad jealous ashamed lonely",
    "English French German Spanish Italian Russian Chinese Japanese Arabic Greek Latin Hebrew",
    "mother father son daughter brother sister uncle aunt nephew niece cousin wife",
]
OPTIONS = {
    "sampling": "spread", "per_label": 30, "per_document": 1, "case_sensitive": False, "whole_words": True, "before": 240,
    "after": 80, "min_chars": 50, "whitespace": "keep", "leaks": "drop", "duplicates": "drop", "near_duplicates": "drop",
    "similarity": 0.8, "phrases": "drop", "phrase_repeats": 3,
}  # fmt: skip
CORPUS = {"format": "auto", "text": "text"}
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def spec_of(labels):
    options = {**OPTIONS, "case_sensitive": labels[0] != "Monday" and labels[0][0].isupper()}
    return {"forms": {w: [w] for w in labels}, "values": dict.fromkeys(labels, 0.0), "options": options, "seed": 0}


ONE = {"weekdays": spec_of(WEEKDAYS)}
TWELVE = {"weekdays": spec_of(WEEKDAYS), **{f"set{n}": spec_of(words.split()) for n, words in enumerate(OTHERS)}}


def few_of(specs):
    """The same with a quota of 20 a label."""
    return {name: {**spec, "options": {**spec["options"], "per_label": 20}} for name, spec in specs.items()}


FEW_ONE, FEW_TWELVE = few_of(ONE), few_of(TWELVE)


def as_frequent(file, seed=0):
    """Twelve concepts: the weekdays, and sets of twelve words that each occur about as often as a weekday."""
    text = b"\n".join(bytes(batch.data) for batch in islice(read_batches(file), 5)).decode()
    counts = Counter(re.findall(r"\b[A-Za-z]{4,}\b", text))
    usual = statistics.median(counts[day] for day in WEEKDAYS)
    words = [w for w, n in counts.items() if usual / 2 <= n <= 2 * usual and w not in WEEKDAYS]
    words = random.Random(seed).sample(words, 132)
    return few_of({**ONE, **{f"set{n}": spec_of(words[12 * n : 12 * n + 12]) for n in range(11)}})


def sentences(folder):
    """Sentences of Wikipedia and of news."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in ("enwiki-sample", "lee-news"):
        if not (folder / name).exists():
            assets.fetch(name, config["assets"][name], folder / name)
    articles = [t for f in (folder / "enwiki-sample").glob("*.parquet") for t in pq.read_table(f)["text"].to_pylist()]
    news = next((folder / "lee-news").glob("*.cor")).read_text().splitlines()
    split = re.compile(r"(?<=[.!?])\s+")
    return tuple([s for t in texts for s in split.split(t) if len(s) > 30] for texts in (articles, news))


def write_corpus(path, megabytes, parts, seed=0, giant=0):
    """Documents of 3 to 35 sentences, each from the news with probability .35; `giant` bytes in one document."""
    if path.exists():
        return file_of(path)
    rng, schema = random.Random(seed), pa.schema([(name, pa.string()) for name in ("text", "id", "url")])
    written = number = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while written < megabytes * 1e6:
            rows = []
            for _ in range(1000):
                choices = (rng.choice(parts[rng.random() < 0.35]) for _ in range(rng.randint(3, 35)))
                rows.append(
                    {"text": " ".join(choices), "id": f"{rng.getrandbits(128):032x}", "url": f"https://x.org/{number}"}
                )
                number += 1
            if giant:
                rows[0]["text"], giant = " ".join(rng.choice(parts[1]) for _ in range(giant // 140)), 0
            written += sum(len(row["text"].encode()) for row in rows)
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return file_of(path)


def file_of(path):
    status = os.stat(path)
    return File(path.name, status.st_size, str(status.st_mtime_ns), str(path))


def decode_only(files, **options):
    for file in files:
        for batch in pq.ParquetFile(file.path, **options).iter_batches(1024, columns=["text"], use_threads=False):
            batch.column(0).buffers()


def orrery(files, specs=ONE, workers=1):
    pieces = Path(tempfile.mkdtemp(dir=Path(files[0].path).parent))
    result = engine.scan(files, CORPUS, "weekdays", specs, pieces, workers, "benchmark")
    samples, _ = engine.select(*result, specs["weekdays"])
    engine.identify(samples, files, CORPUS)
    shutil.rmtree(pieces)
    return samples


def ripgrep(plain, *options):
    pattern = rf"(?-u:\b)({'|'.join(WEEKDAYS)})(?-u:\b)"
    subprocess.run(["rg", "-j1", "-i", *options, pattern, plain], stdout=subprocess.DEVNULL, check=True)


def one_alternation(documents):
    pattern = re.compile(rf"\b({'|'.join(WEEKDAYS)})\b", re.IGNORECASE)
    return sum(1 for text in documents for _ in pattern.finditer(text))


def seven_lazy_searches(documents):
    patterns = [re.compile(rf"(.*?)\b({day})\b", re.IGNORECASE) for day in WEEKDAYS]
    return sum(pattern.search(text) is not None for text in documents for pattern in patterns)


def in_turn(ways, rounds):
    """name → seconds of each round."""
    times = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:  # the first round warms caches
                times[name].append(time.perf_counter() - began)
    return times


def code_of(code, *paths):
    """The command of a process that runs some code; `files` and `b`, this module, are there."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import scan as b; from pathlib import Path;"
        f"files = [b.file_of(Path(p)) for p in sys.argv[2:]]; {code}"
    )
    return [sys.executable, "-c", code, str(Path(__file__).parent), *map(str, paths)]


def of_a_process(code, *paths):
    """What some code prints last in a process of its own, as a job is."""
    done = subprocess.run(code_of(code, *paths), capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def seconds_of_a_job(small, paths, workers):
    """Seconds of a scan by some processes, imports apart."""
    timed = f"began = time.perf_counter(); b.orrery(files[1:], workers={workers}); print(time.perf_counter() - began)"
    return of_a_process(f"b.orrery(files[:1]); {timed}", small, *paths)


def seconds_of_decoding(small, paths, workers):
    """Seconds in which some processes, of as many jobs, decode their shares of the files: what the machine can do."""
    timed = (
        "print('ready', flush=True); input(); began = time.perf_counter(); b.decode_only(files[1:], pre_buffer=False);"
        "print(time.perf_counter() - began)"
    )
    jobs = [
        subprocess.Popen(code_of(f"b.orrery(files[:1]); {timed}", small, *paths[n::workers]), text=True, **PIPES)
        for n in range(workers)
    ]
    for job in jobs:
        while (line := job.stdout.readline()) != "ready\n":
            assert line, "a job ended before it began"
    for job in jobs:
        job.stdin.write("\n")
        job.stdin.flush()
    return max(float(job.communicate()[0].split()[-1]) for job in jobs)


def peak_memory(path):
    """Megabytes of resident memory at the peak of a scan in a process of its own."""
    # Not ru_maxrss, which a new process takes over from the one that started it.
    peak = "int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024"
    return int(of_a_process(f"b.orrery(files); print({peak})", path))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="where texts are kept and found again; a temporary folder by default"
    )
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    parts, size = sentences(folder), options.megabytes
    one = write_corpus(folder / "one.parquet", size, parts)
    small = write_corpus(folder / "m10.parquet", 10, parts)
    two = [write_corpus(folder / f"part{n}.parquet", 1.5 * size, parts, n) for n in (1, 2)]
    eight = [f.path.replace("part", name) for name in ("part", "again", "more", "last") for f in two]
    for path, file in zip(eight, two * 4):  # the same bytes by other names
        if not os.path.exists(path):
            os.link(file.path, path)
    plain = folder / "one.txt"
    with open(plain, "wb") as file:
        for batch in read_batches(one):
            file.write(bytes(batch.some(np.arange(len(batch.starts))).data) + b"\n")
    slow = [
        t for b in pq.ParquetFile(one.path).iter_batches(1000, columns=["text"]) for t in b["text"].to_pylist()[:1]
    ][:200]
    all_bytes, slow_bytes, few_bytes = plain.stat().st_size, *(sum(map(len, slow[:n])) for n in (200, 3))
    affinity = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(affinity)})
    single = in_turn(
        {
            "decode only": partial(decode_only, [one], pre_buffer=False), "orrery": partial(orrery, [one]),
            "decode only, pyarrow's defaults": partial(decode_only, [one]), "rg": partial(ripgrep, str(plain)),
            "rg -o": partial(ripgrep, str(plain), "-o"), "one alternation": partial(one_alternation, slow),
            "seven lazy searches": partial(seven_lazy_searches, slow[:3]),
        },
        options.rounds,
    )  # fmt: skip
    os.sched_setaffinity(0, affinity)
    large = write_corpus(folder / "m3000.parquet", 3000, parts)
    os.sched_setaffinity(0, {min(affinity)})
    sets = {"1": FEW_ONE, "12": as_frequent(large), "12, some of whose labels never occur": FEW_TWELVE}
    many = in_turn({name: partial(orrery, [large], specs) for name, specs in sets.items()}, 3)
    os.sched_setaffinity(0, affinity)
    ways = {"": seconds_of_a_job, "decode ": seconds_of_decoding}
    double = [
        {f"{name}{n}": way(small.path, eight, n) for name, way in ways.items() for n in (1, 2)}
        for _ in range(options.rounds)
    ]
    few = {"one alternation": slow_bytes, "seven lazy searches": few_bytes}
    speed = {name: [few.get(name, all_bytes) / 1e6 / t for t in times] for name, times in single.items()}

    def ratio(a, b):
        return statistics.median(x / y for x, y in zip(speed[a], speed[b]))

    print(
        f"{size} MB of text, {one.size / 1e6:.0f} MB zstd Parquet, one core, medians of {options.rounds} rounds in turn\n"
    )
    print("| way | MB/s | orrery is × |\n|---|---|---|")
    for name, values in speed.items():
        print(f"| {name} | {statistics.median(values):,.3g} | {ratio('orrery', name):.3g} |")
    for name, prefix in (("two cores × one", ""), ("two processes that only decode × one", "decode ")):
        gains = sorted(times[f"{prefix}1"] / times[f"{prefix}2"] for times in double)
        print(f"\n{name}: {statistics.median(gains):.2f} ({gains[0]:.2f}–{gains[-1]:.2f})")
    for name, times in list(many.items())[1:]:
        cost = statistics.median(a / b for a, b in zip(times, many["1"]))
        print(f"concepts of 12 labels, {name}: {cost:.2f} × the time of one concept (3 GB, 20 a label)")
    small = write_corpus(folder / "m300.parquet", 300, parts)
    giant = write_corpus(folder / "giant.parquet", 300, parts, giant=50_000_000)
    memory = {
        name: peak_memory(f.path) for name, f in (("300 MB", small), ("3 GB", large), ("a document of 50 MB", giant))
    }
    print("peak memory, MB:", json.dumps(memory))
    if not options.folder:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
