"""Read a small random model of every architecture that transformers registers, and write the table of the docs.

    python tests/benchmarks/architectures.py                  # all, and docs/architectures.md
    python tests/benchmarks/architectures.py xlnet big_bird   # some, printed

What is read of texts of 4 to 60 tokens, in batches and with shared prefixes, is compared with `output_hidden_states` of
each text alone.
"""

import argparse
import contextlib
import io
import signal
import sys
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]
PAGE = ROOT / "docs" / "architectures.md"
SECONDS = 120  # for one architecture

import registry
import transformers

HEAD = """# Architectures

A small random model of each architecture that transformers {version} registers is read in batches, with shared prefixes,
over texts of 4 to 60 tokens, and compared with `output_hidden_states` of each text alone. `python
tests/benchmarks/architectures.py` makes this page; the tests try twelve of its rows a day. Each is equal (to a relative
1e-4 of every vector) or refused with a sentence: {equal} are equal, {refused} refused, {wrong} wrong.

Blocks: the path of the list that is read, with the part of the model where it is not the whole; `output_hidden_states`
where there is no list ([activations](activations.md) says what that means). Padded: texts of different lengths
are read together. Shared: what texts begin with is read once. Sublayers: of which of `attn_out` and `mlp_out` every block
has one.

| architecture | largest difference | blocks | layers | direction | padded | shared | sublayers |
|---|---|---|---|---|---|---|---|
"""


class TooSlow(BaseException):
    """Not an Exception, which what tries the parts of a model would take for one of theirs."""


def tried(kind):
    """(outcome, detail) of one architecture; what goes wrong is the outcome wrong."""

    def stop(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return registry.check(kind)
    except TooSlow:
        return "not built", f"more than {SECONDS} s"
    except Exception as error:
        if not isinstance(error, registry.Wrong):
            traceback.print_exc()
        return "wrong", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def page(found):
    """The page of the docs: rows of what is equal, the sentences of what is refused, the names of the rest."""
    of = {outcome: {k: d for k, (o, d) in found.items() if o == outcome} for outcome in registry.OUTCOMES}
    counts = {outcome.replace(" ", "_"): len(kinds) for outcome, kinds in of.items()}
    text = HEAD.format(version=transformers.__version__, **counts)
    for kind, detail in of["equal"].items():
        text += f"| {kind} | {' | '.join(detail)} |\n"
    for outcome in ("refused", "wrong"):
        if of[outcome]:
            text += f"\n## {outcome.capitalize()}\n\n| architecture | sentence |\n|---|---|\n"
            text += "".join(f"| {kind} | {detail.replace('|', ' ')} |\n" for kind, detail in of[outcome].items())
    text += f"\n## Not tried\n\nOf these {counts['not_built']} no small model that takes text was built: most take images or"
    text += " sound, some need packages that are not installed, others a configuration of their own.\n\n"
    return text + ", ".join(of["not built"]) + ".\n"


def main():
    """Try the architectures that are asked for; of all, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    kinds, found = parser.parse_args().kinds, {}
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    for kind in kinds or registry.kinds():
        found[kind] = outcome, detail = tried(kind)
        print(kind, outcome, *([detail] if isinstance(detail, str) else detail), sep="  ", flush=True)
    if not kinds:
        PAGE.write_text(page(found))
    sys.exit(any(outcome == "wrong" for outcome, _ in found.values()))


if __name__ == "__main__":
    main()
