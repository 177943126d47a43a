"""The text that stands by a point: its label, its context with the occurrence marked, where it comes from."""

import html
import textwrap

OPEN, CLOSE = "\ue000", "\ue001"  # private characters that mark the occurrence until the text is escaped
BEFORE, AFTER, LINE = 200, 80, 64  # characters
BUDGET = 3_000_000  # characters of all contexts of a page


def escape(text):
    """Text for plotly, which knows &lt; &gt; &amp; but would show &quot; as it stands."""
    return html.escape(text, quote=False)


def contexts(view, rows):
    """The hover texts of some samples of a view, shorter where the view has many."""
    share = min(1, BUDGET / max(1, view.n) / (BEFORE + AFTER))
    return [context(view.samples, i, int(BEFORE * share), int(AFTER * share)) for i in rows]


def context(samples, i, before=BEFORE, after=AFTER):
    """The hover text of a sample. Everything that comes from a corpus is escaped."""
    text, start, end = samples["text"][i], int(samples["start"][i]), int(samples["end"][i])
    left, right = text[max(0, start - before) : start], text[end : end + after]
    marked = ("…" if start > before else "") + f"{left}{OPEN}{text[start:end]}{CLOSE}{right}"
    marked += "…" if len(text) > end + after else ""
    lines = [f"<b>{escape(samples['label'][i])}</b>"]
    if text != samples["label"][i]:
        lines += [escape(line) for line in textwrap.wrap(marked, LINE)]
    if title := samples["title"][i]:
        lines.append(f"<i>{escape(textwrap.shorten(title, LINE))}</i>")
    return "<br>".join(lines).replace(OPEN, "<b>").replace(CLOSE, "</b>")
