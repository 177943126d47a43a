"""What else than its value tells one label from another: token id, frequency, length, digits, alphabet."""

import numpy as np

from orrery.errors import OrreryError

COVARIATES = ("length", "digits", "alphabet", "token_id")  # what needs no other package
FREQUENCY = "frequency"
SAME = 1 - 1e-9  # squared correlation from which a covariate is the value itself


def covariates_of(labels, values=None, *, token_ids=None, names=COVARIATES, language="en"):
    """Covariates of the labels of a set, one number a label.

    `length` is the number of characters, `digits` how many of them are decimal digits, `alphabet` the rank in the
    alphabetical order of the casefolded labels, `token_id` what `token_ids` holds, which follows the frequency in most
    vocabularies, `frequency` the Zipf frequency of `wordfreq`: log10 of occurrences per billion words, 0 if unknown.

    What `why_left_out` names a reason for is left out: a covariate that does not vary explains nothing, and one that is
    the value itself up to scale (the alphabetical rank of 0 … 9) would explain all of it.

    Parameters
    ----------
    labels : sequence of str (p,)
    values : array (p,), optional
        Of the labels, in the same order.
    token_ids : sequence of int (p,), optional
        From `first_token_ids`; without them there is no `token_id`.
    names : sequence of str
        Which covariates are wanted.
    language : str
        Of the labels, as `wordfreq` names it.

    Returns
    -------
    dict of str → array (p,) of float

    Raises
    ------
    OrreryError
        A name is unknown, or the frequency is wanted and there is no `wordfreq` or it does not know the language.
    """
    labels, found = list(labels), {}
    for name in names:
        if name not in (*COVARIATES, FREQUENCY):
            known = ", ".join((*COVARIATES, FREQUENCY))
            raise OrreryError(f"covariates: {name!r} is not known; write some of {known}.")
        if name != "token_id" or token_ids is not None:
            covariate = np.asarray(_MAKE[name](labels, token_ids, language), dtype=float)
            if why_left_out(covariate, values) is None:
                found[name] = covariate
    return found


def why_left_out(covariate, values=None):
    """Why a covariate (p,) says nothing about a claim on values (p,), as a clause; None where it may.

    Only exact equality up to scale counts. A covariate that nearly equals the value stays: it leaves little of the
    claim, which is what a reader needs to know.
    """
    covariate = np.asarray(covariate, dtype=float)
    if not np.isfinite(covariate).all():
        return "not known of every label"
    if not np.ptp(covariate) > 0:
        return "the same for all labels"
    if values is None or not np.ptp(values) > 0:
        return None
    r = np.corrcoef(covariate, np.asarray(values, dtype=float))[0, 1]
    return "equal to the value up to scale, so nothing can tell them apart" if r**2 > SAME else None


def first_token_ids(samples, labels, tokens=None):
    """Id of the first token of each label, that of most of its samples, and of those the smallest.

    Parameters
    ----------
    samples : dict of str → sequence (N,)
        Columns of `store.read_samples`: label, and token_id (vocabulary sets) or token_first.
    labels : sequence of str (p,)
    tokens : (ids, offsets), optional
        Arrays `tokens/ids` and `tokens/offsets` of the activations file; needed where samples have no token_id. A file
        that was read over the whole context (`over: context`) has the first token of the context at token_first.

    Returns
    -------
    int array (p,), or None where neither is there

    Raises
    ------
    OrreryError
        A label has no sample.
    """
    if "token_id" in samples:
        of_samples = np.asarray(samples["token_id"])
    elif tokens is not None and "token_first" in samples:
        ids, offsets = (np.asarray(part) for part in tokens)
        of_samples = ids[offsets[:-1] + np.asarray(samples["token_first"])]
    else:
        return None
    named = np.asarray(samples["label"])
    found = []
    for label in labels:
        own = of_samples[named == label]
        if not len(own):
            raise OrreryError(f"the label {label!r} has no sample, so its token is not known; leave token_id out.")
        each, counts = np.unique(own, return_counts=True)
        found.append(each[counts.argmax()])
    return np.array(found)


def _alphabet(labels):
    folded = [label.casefold() for label in labels]
    place = {label: i for i, label in enumerate(sorted(set(folded)))}
    return [place[label] for label in folded]


def _frequency(labels, language):
    try:
        from wordfreq import zipf_frequency
    except ImportError as error:
        raise OrreryError(
            "covariates: frequency needs the package wordfreq: pip install wordfreq, or leave frequency out."
        ) from error
    try:
        return [zipf_frequency(label.strip(), language) for label in labels]
    except LookupError as error:
        raise OrreryError(f"covariates: wordfreq has no words of the language {language!r}.") from error


_MAKE = {
    "length": lambda labels, *_: [len(label) for label in labels],
    "digits": lambda labels, *_: [sum(character.isdecimal() for character in label) for label in labels],
    "alphabet": lambda labels, *_: _alphabet(labels),
    "token_id": lambda _, token_ids, __: token_ids,
    FREQUENCY: lambda labels, _, language: _frequency(labels, language),
}
