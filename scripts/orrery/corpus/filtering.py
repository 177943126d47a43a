"""From a corpus to the file of a concept's samples."""

from pathlib import Path

from orrery import store
from orrery.assets import facts_of
from orrery.corpus.forms import say_unspaced
from orrery.corpus.scan import Merge, alone, identify, read_candidates, scan, select, version_of
from orrery.corpus.selection import say_unusual
from orrery.errors import OrreryError
from orrery.logs import note


def candidates_of(files, part, corpus, concept, spec, others, made, pieces, workers, source, code):
    """Candidates of a concept in a part of the files; `others` are looked for too, where their samples are not made.

    Parameters
    ----------
    files : list of files.File
        Those of the whole corpus.
    part : (int, int)
        Every how-many-th file is read, from the first number on.
    others : dict of str → dict
        Specifications of the concepts that share the reading.
    made : list of str
        Where it would stand what was made of a concept, with {concept}.
    """
    first, step = part
    files_here = files[first::step]
    with alone(files_here, pieces, bool(others)):
        wanted = {
            name: other
            for name, other in others.items()
            if version_of(files, corpus, name, other, code) not in [_version_in(m.format(concept=name)) for m in made]
        }
        return scan(files_here, corpus, concept, {concept: spec, **wanted}, pieces, workers, source, code)


def merged_parts(paths, files, corpus, source, concept, spec, code):
    """(candidates, report) of the parts of a scan, as if it had been one.

    Raises
    ------
    OrreryError
        A part is of other files than those that are there now.
    """
    merge, version = Merge(spec), version_of(files, corpus, concept, spec, code)
    for path in paths:
        if store.table_attributes(path, "candidates")["version"] != version:
            raise OrreryError(
                f"corpora.{source}: a file changed between two parts of the scan for {concept}; delete "
                f"{Path(path).parent} and run again."
            )
        merge.add(*read_candidates(path))
    return merge.result()


def write_samples(path, candidates, report, spec, files, corpus, folder, source, concept, code):
    """Choose among the candidates and write the samples; say which labels missed their quota.

    Raises
    ------
    OrreryError
        No sample is left.
    """
    samples, report = select(candidates, report, spec)
    print(report)
    short = [
        f"{label} {n} (found {report['found'][label]})" for label, n in report["kept"].items() if n < report["quota"]
    ]
    if short:
        note(f"{source}/{concept}: fewer than the {report['quota']} wanted of {', '.join(short)}")
    missed = [label for label, n in report["found"].items() if not n]
    said = [*say_unusual(report), *say_unspaced(missed, spec, concept)]
    if not samples:
        raise OrreryError(
            f"{source} holds no usable occurrence of {concept} in {report['documents']} documents "
            f"(dropped: {report['dropped'] or 'none'}); {'; '.join([*said, 'try another corpus'])}, "
            f"or loosen concepts.{concept}.corpus."
        )
    for sentence in said:
        note(f"{source}/{concept}: {sentence}")
    identify(samples, files, corpus, source)
    facts = {key: value for key, value in facts_of(folder).items() if key != "listing"}
    version = version_of(files, corpus, concept, spec, code)
    attributes = {"kind": "samples", "source": source, "concept": concept, "asset": facts, "report": report}
    store.write_table(path, store.sample_columns(samples), {**attributes, "version": version})


def _version_in(path):
    try:
        return store.table_attributes(path).get("version")
    except (OSError, OrreryError):
        return None
