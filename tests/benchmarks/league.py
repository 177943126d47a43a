"""How often Orrery, gamfit and smds call sets of known structure a ring, a line, a map or clusters.

    python tests/benchmarks/league.py play RESULTS.json [--tools orrery gamfit gamfit-null smds] [--sets ...] [--runs 20] ...
    python tests/benchmarks/league.py table RESULTS.json [MORE.json ...] [--page docs/league.md]

`play` draws the sets of `league_sets.py`, puts every question of each to every tool, and writes the counts after each
cell (kind of set × labels × level × tool); cells that the file already has are not played again. `table` writes the
tables of the page docs/league.md between its markers, or prints them.

The rivals run in workers of their own (`league_rivals.py`), with the interpreters given by --gamfit-python and
--smds-python:

    python -m venv /tmp/gamfit; /tmp/gamfit/bin/pip install gamfit==0.1.274
    python3.12 -m venv /tmp/smds; /tmp/smds/bin/pip install smds==1.6.6

A rival without an interpreter that can import it is left out with a message; smds needs Python 3.12.
"""

import argparse
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from league_sets import KINDS, QUESTIONS, ROOT, draw, right_answer
from orrery.headline import summarise
from orrery.measures import measure
from orrery.store import atomic

STRUCTURES = {  # what counts as the answer to each question, and what is asked beside it
    "ring": ("ring", "cyclic order"), "line": ("order",), "map": ("places",), "clusters": ("clusters",),
    "families": ("families",),
}  # fmt: skip
RIVALS = {
    "gamfit": ("ring", "clusters"),
    "gamfit-null": ("ring",),
    "smds": ("ring", "line", "map", "clusters", "families"),
}
COLUMNS = {
    "ring": ("orrery", "gamfit", "gamfit-null", "smds"), "line": ("orrery", "smds"), "map": ("orrery", "smds"),
    "clusters": ("orrery", "gamfit", "smds"), "families": ("orrery", "smds"),
}  # fmt: skip
NAMES = {"orrery": "Orrery", "gamfit": "gamfit", "gamfit-null": "gamfit + null", "smds": "smds"}
MARKS = "<!-- league: written by tests/benchmarks/league.py -->", "<!-- league: end -->"
BAR, POWER = 0.06, 0.9  # the most of false calls on a null, and the power that counts as reached


# ------------------------------------------------------------------------------------------------------------- tools


class Orrery:
    """Orrery's answers: the verdicts of the headline, with the defaults of the config for prompts or documents."""

    name, questions = "orrery", QUESTIONS

    def __init__(self, permutations):
        with open(ROOT / "workflow/schemas/config.schema.yaml", encoding="utf-8") as file:
            section = yaml.safe_load(file)["properties"]["metrics"]["properties"]
        self.options = {key: part["default"] for key, part in section.items() if "default" in part}
        self.options["permutations"] = permutations

    def answer(self, drawn, questions, seed):
        """{"called": question → bool, "detail": structure: verdict of each}."""
        called, verdicts = {}, {}
        for question in questions:
            rows = self._rows(drawn, question, seed)
            verdicts |= {row["structure"]: row["verdict"] for row in rows}
            called[question] = verdicts.get(STRUCTURES[question][0], "") == "found"
        return {"called": called, "detail": verdicts}

    def _rows(self, drawn, question, seed):
        """Headline rows of the question, with the topology it asks about declared."""
        samples = _samples(drawn)
        options = {**self.options, "structures": list(STRUCTURES[question])}
        rows = measure({"00": drawn.vectors}, samples, _shape(drawn, question), options, seed)
        columns = {key: [row[key] for row in rows] for key in rows[0]} if rows else {}
        facts = {"model": "league", "source": "prompts" if drawn.templates else "documents", "concept": "set"}
        return summarise([(columns, facts)]) if rows else []

    def close(self):
        pass


def _samples(drawn):
    """The samples of a set as `measure` takes them."""
    names = [f"{'t' if drawn.templates else 'd'}{g}" for g in drawn.groups]
    empty = [""] * len(names)
    return {
        "label": [f"w{c}" for c in drawn.classes], "value": [float(c) for c in drawn.classes],
        "group": names if drawn.templates else empty, "document": empty if drawn.templates else names,
    }  # fmt: skip


def _shape(drawn, question):
    """What a set is declared to be for a question."""
    p = drawn.classes.max() + 1
    if question == "map":
        places = {f"w{i}": list(map(float, place)) for i, place in enumerate(drawn.coordinates)}
        periods = {"periods": drawn.periods} if drawn.periods else {}
        return {"topology": "torus" if periods else "plane", "coordinates": places, **periods}
    if question == "families":
        return {"topology": "tree", "parents": {f"w{i}": f"f{parent}" for i, parent in enumerate(drawn.parents)}}
    return {"ring": {"topology": "circle", "period": p}, "line": {"topology": "line"}}.get(
        question, {"topology": "simplex"}
    )


def package(name):
    """The package that a rival is: gamfit-null is gamfit with its label-shuffle null."""
    return name.partition("-")[0]


class Rival:
    """A rival's worker process, started again where it dies or takes longer for a set than some seconds.

    `draws` and `chain` are put into every request.
    """

    def __init__(self, name, python, draws, chain, seconds):
        self.name, self.questions = name, RIVALS[name]
        self.python = str(Path(python).absolute()) if "/" in python else python
        self.settings = {"draws": draws if name == "gamfit-null" else 0, "chain": chain}
        self.seconds = seconds
        self.folder = tempfile.TemporaryDirectory()
        self.process = None
        self._start()

    def _start(self):
        script = Path(__file__).with_name("league_rivals.py")
        self.process = subprocess.Popen(
            [self.python, str(script), package(self.name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.folder.name,
            stderr=subprocess.DEVNULL, text=True, env=dict(os.environ) | {"PYTHONPATH": ""},
        )  # fmt: skip
        if not self._reply().get("ready"):
            raise OSError(f"{self.python} cannot import {package(self.name)}")

    def _reply(self):
        """The next line of the worker, or what stands for one that died or took too long."""
        ready, _, _ = select.select([self.process.stdout], [], [], self.seconds)
        line = self.process.stdout.readline() if ready else ""
        return json.loads(line) if line else {"called": {}, "detail": "crashed" if ready else "took too long"}

    def answer(self, drawn, questions, seed):
        """As `Orrery.answer`; {"called": {}} where the rival refuses, crashes or takes too long."""
        path = Path(self.folder.name, "set.npz")
        coordinates = drawn.coordinates / (drawn.periods or 1)
        np.savez(path, vectors=drawn.centred, classes=drawn.classes, coordinates=coordinates, parents=drawn.parents)
        request = {"path": str(path), "questions": list(questions), "torus": bool(drawn.periods), "seed": seed}
        with contextlib.suppress(OSError):
            print(json.dumps(request | self.settings), file=self.process.stdin, flush=True)
        reply = self._reply()
        if reply["detail"] in ("crashed", "took too long"):
            self.close()
            self._start()
        return reply

    def close(self):
        self.process.kill()
        self.process.wait()


def tools_of(args):
    """The tools that can play; a message for each that cannot."""
    found = []
    for name in args.tools:
        if name == "orrery":
            found.append(Orrery(args.permutations))
            continue
        python = getattr(args, f"{package(name)}_python")
        try:
            if not python:
                raise OSError(f"--{package(name)}-python is not given")
            found.append(Rival(name, python, args.draws, args.chain, args.timeout))
        except OSError as error:
            needs = " (it needs Python 3.12)" if name == "smds" else ""
            print(f"{name} is left out{needs}: {error}.", file=sys.stderr, flush=True)
    return found


# -------------------------------------------------------------------------------------------------------------- play


def play(args):
    """Play every cell that the file of results has not, and write it after each."""
    path = Path(args.results)
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cells": []}
    played = {_key(cell) for cell in results["cells"] if cell["runs"] >= args.runs}
    tools = tools_of(args)
    for kind, p, level in cells_of(args):
        for tool in tools:
            if (tool.name, kind, p, level) in played:
                continue
            cell = _play_cell(tool, kind, p, level, args)
            kept = [old for old in results["cells"] if _key(old) != _key(cell)]
            results["cells"] = [*kept, cell]
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as part:
                Path(part).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"{tool.name} {kind} {p} {level:g}: {cell['called']} {cell['seconds']:.1f} s a set", flush=True)
    for tool in tools:
        tool.close()


def _key(cell):
    return cell["tool"], cell["kind"], cell["labels"], cell["level"]


def cells_of(args):
    """(kind, labels, level) of the sets asked for."""
    for kind in args.sets or KINDS:
        for p in KINDS[kind].labels:
            if not args.labels or p in args.labels:
                for level in KINDS[kind].levels:
                    if not args.levels or KINDS[kind].null or level in args.levels:
                        yield kind, p, level


def _play_cell(tool, kind, p, level, args):
    """One tool's counts over the runs of a cell."""
    questions = [question for question in tool.questions if question in (args.questions or QUESTIONS)]
    called, details, began, failed = Counter(dict.fromkeys(questions, 0)), Counter(), time.perf_counter(), 0
    for run in range(args.runs):
        found = tool.answer(draw(kind, p, level, args.seed, run), questions, run)
        failed += not found["called"]
        called.update({question: int(hit) for question, hit in found["called"].items() if question in questions})
        detail = found["detail"]
        details.update([detail] if isinstance(detail, str) else [f"{k}: {v}" for k, v in detail.items()])
    return {
        "tool": tool.name, "kind": kind, "labels": p, "level": level, "runs": args.runs, "called": dict(called),
        "failed": failed, "details": dict(details), "seconds": (time.perf_counter() - began) / args.runs,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- tables


def rate(cells, tool, question):
    """(calls, runs) of a tool over cells; runs is 0 where it was not asked."""
    asked = [cell for cell in cells if cell["tool"] == tool and question in cell["called"]]
    return sum(cell["called"][question] for cell in asked), sum(cell["runs"] for cell in asked)


def tables(cells):
    """The tables of the page as Markdown."""
    null = [kind for kind in KINDS if KINDS[kind].null]
    planted = [kind for kind in KINDS if not KINDS[kind].null]
    return "\n\n".join([
        "### False calls on null sets\n\n" + _table(cells, null, False, False),
        "### Power: calls of what was planted, by noise\n\n" + _table(cells, planted + null, True, True),
        "### Calls of what was not planted\n\n" + _table(cells, planted, False, False),
        "### Without an agreed answer\n\n" + _table(cells, planted + null, None, False),
        "### Rings by the number of labels\n\n" + _rings(cells, planted),
        "### Target\n\n" + "\n".join(f"- {line}" for line in _target(cells, null)),
        "### Cost\n\n" + _cost(cells),
        "### Refused sets\n\n" + _refused(cells),
    ])  # fmt: skip


def _judged(cells, kind, question, right):
    """The cells of a kind in which a question has a certain right answer."""
    return [cell for cell in cells if cell["kind"] == kind and right_answer(kind, question, cell["level"]) is right]


def _table(cells, kinds, right, by_level):
    """Rates by kind (and level) of the questions whose right answer is `right`."""
    lines = []
    for kind in kinds:
        own = [cell for cell in cells if cell["kind"] == kind]
        for levels in [{level} for level in sorted({c["level"] for c in own})] if by_level else [None]:
            part = [cell for cell in own if levels is None or cell["level"] in levels]
            values = [_text(_judged(part, kind, q, right), tool, q, right) for q, tool in _columns()]
            if any(values):
                noise = f" | {min(levels):g}" if by_level else ""
                lines.append(f"| {kind}{noise} | {' | '.join(values)} |")
    head = ["set", *(["noise"] if by_level else []), *(f"{q}: {NAMES[tool]}" for q, tool in _columns())]
    return "\n".join([f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}", *lines])


def _columns():
    return [(question, tool) for question, tools in COLUMNS.items() for tool in tools]


def _text(cells, tool, question, right):
    """A rate with its runs; bold where it misses the target."""
    hits, runs = rate(cells, tool, question)
    if not runs:
        return ""
    missed = hits / runs > BAR if right is False else right is True and hits / runs < POWER
    text = _decimals(hits / runs)
    return f"{f'**{text}**' if missed else text} ({runs})"


def _decimals(share):
    return f"{share:.2f}".removeprefix("0")


def _rings(cells, planted):
    """Rates of "ring" by kind and number of labels."""
    sizes = sorted({cell["labels"] for cell in cells})
    tools = COLUMNS["ring"]
    lines = [f"| set | {' | '.join(f'{p}: {NAMES[tool]}' for p in sizes for tool in tools)} |"]
    lines.append(f"|---|{'--:|' * (len(sizes) * len(tools))}")
    for kind in planted:
        own = [cell for cell in cells if cell["kind"] == kind]
        values = [_text([c for c in own if c["labels"] == p], tool, "ring", None) for p in sizes for tool in tools]
        if any(values):
            lines.append(f"| {kind} | {' | '.join(values)} |")
    return "\n".join(lines)


def _target(cells, null):
    """Where the target is met and missed: false calls on nulls of each tool, power beside the best rival's."""
    lines = []
    for tool, name in NAMES.items():
        rates = [
            (*rate(_judged(cells, kind, q, False), tool, q), kind, q)
            for kind in null
            for q in COLUMNS
            if tool in COLUMNS[q]
        ]
        rates = [(hits / runs, runs, kind, q) for hits, runs, kind, q in rates if runs]
        over = [f"{q} of {kind} {_decimals(share)}" for share, _, kind, q in rates if share > BAR]
        if rates:
            named = f": {', '.join(over)}" if over else ""
            lines.append(
                f"{name}: false calls above {_decimals(BAR)} in {len(over)} of {len(rates)} cells of set × question{named}."
            )
    behind, reached = [], 0
    for kind, p, level in sorted({(c["kind"], c["labels"], c["level"]) for c in cells}):
        own = [c for c in cells if (c["kind"], c["labels"], c["level"]) == (kind, p, level)]
        for question, tools in COLUMNS.items():
            if right_answer(kind, question, level):
                mine, *others = [hits / runs if runs else -1 for hits, runs in (rate(own, t, question) for t in tools)]
                if mine >= 0 and max(others) >= POWER:
                    reached += 1
                    behind += [f"{question} of {kind}, {p} labels, noise {level:g}: {_decimals(mine)}"] * (mine < POWER)
    lines.append(
        f"Power: the best rival reaches {_decimals(POWER)} in {reached} cells of set × labels × noise × question, and "
        f"Orrery in {reached - len(behind)} of these{': not in ' + '; '.join(behind) if behind else ''}."
    )
    return lines


def _cost(cells):
    """Seconds a set of each tool, by the number of labels."""
    sizes = sorted({cell["labels"] for cell in cells})
    lines = [f"| tool | {' | '.join(f'{p} labels' for p in sizes)} | refused |", f"|---|{'--:|' * (len(sizes) + 1)}"]
    for tool in sorted({cell["tool"] for cell in cells}):
        own = [cell for cell in cells if cell["tool"] == tool]
        times = [[c["seconds"] for c in own if c["labels"] == p] for p in sizes]
        text = [f"{np.mean(part):.1f} s" if part else "" for part in times]
        lines.append(
            f"| {NAMES[tool]} | {' | '.join(text)} | {sum(c['failed'] for c in own)} of {sum(c['runs'] for c in own)} |"
        )
    return "\n".join(lines)


def _refused(cells):
    """Ring calls of gamfit among all sets, and among those that it answers, by kind."""
    lines = ["| set | gamfit refuses | ring, of all sets | ring, of answered sets |", "|---|--:|--:|--:|"]
    for kind in KINDS:
        own = [cell for cell in cells if cell["kind"] == kind and cell["tool"] == "gamfit" and "ring" in cell["called"]]
        runs, failed = (sum(cell[key] for cell in own) for key in ("runs", "failed"))
        if failed:
            hits = sum(cell["called"]["ring"] for cell in own)
            answered = f"{_decimals(hits / (runs - failed))} ({runs - failed})" if runs > failed else ""
            lines.append(f"| {kind} | {_decimals(failed / runs)} ({runs}) | {_decimals(hits / runs)} | {answered} |")
    return "\n".join(lines) if len(lines) > 2 else "None."


def table(args):
    """Write the tables into the page between its markers, or print them."""
    cells = [cell for path in args.results for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]]
    text = tables(cells)
    if not args.page:
        print(text)
        return
    page = Path(args.page)
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("play", help="play sets and write the counts")
    one.set_defaults(command=play)
    one.add_argument("results")
    one.add_argument("--tools", nargs="+", choices=["orrery", *RIVALS], default=["orrery", "gamfit", "smds"])
    one.add_argument("--sets", nargs="+", choices=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    one.add_argument("--labels", nargs="+", type=int, help="numbers of labels (default: all of each kind)")
    one.add_argument("--levels", nargs="+", type=float, help="noise of planted sets (default: all)")
    one.add_argument("--questions", nargs="+", choices=QUESTIONS, help="default: all")
    one.add_argument("--runs", type=int, default=20, help="sets of a cell")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--permutations", type=int, default=999, help="Orrery's")
    one.add_argument("--draws", type=int, default=19, help="of the label-shuffle null of gamfit-null")
    one.add_argument("--chain", action="store_true", help="smds with ChainShape, which takes almost all its time")
    one.add_argument("--timeout", type=float, default=300, help="seconds that a rival may take for a set")
    one.add_argument("--gamfit-python", help="interpreter that has gamfit")
    one.add_argument("--smds-python", help="interpreter that has smds")
    two = commands.add_parser("table", help="write the tables")
    two.set_defaults(command=table)
    two.add_argument("results", nargs="+")
    two.add_argument("--page")
    args = parser.parse_args()
    args.command(args)


if __name__ == "__main__":
    main()
