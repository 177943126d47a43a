"""Which sets have the shape that is claimed of them: from the rows of a run, one for each model and set."""

import numpy as np

from orrery import headline
from orrery.clouds import clouds_of
from orrery.geometry import places
from orrery.geometry.bases import principal_coordinates
from orrery.measured import LINES, PLACES
from orrery.structures import ALPHA, CLAIMS, PARTS, STRUCTURES

PARTLY = "in part"
UNTRAINED = (headline.AS_UNTRAINED, headline.LESS)
OUTCOMES = (headline.FOUND, PARTLY, *UNTRAINED, *PARTS, headline.NOT_FOUND, headline.UNDECIDABLE)
COLUMNS = ["model", "source", "concept", "topology", "difficulty", "labels", "outcome", "structure", "layer", "layers",
           "value", "null_mean", "effect", "share", "share_simplex", "p_corrected", "p_decided", "q", "untrained_value",
           "untrained_p_corrected", "untrained_difference", "difference_low", "difference_high",
           "sentence"]  # fmt: skip


def survey(rows, sets):
    """What became of every claim.

    Parameters
    ----------
    rows : list of dict
        From `headline.summarise` or `headline.read`.
    sets : dict of str → dict
        Concept → topology, difficulty and labels (how many).

    Returns
    -------
    list of dict, keys as COLUMNS
        The verdicts are those of the headline, whose q is over all claims of the run. A set whose stronger claim is not
        found and whose weaker one is (the order of a ring) has its shape in part.
    """
    claims = {}
    for row in rows:
        if row["structure"] in CLAIMS[sets[row["concept"]]["topology"]]:
            claims.setdefault((row["model"], row["source"], row["concept"]), {})[row["structure"]] = dict(row)
    return [_outcome(some, sets[concept]) for (_, _, concept), some in claims.items()]


def _outcome(claims, about):
    """The row of the strongest claim of a set that was found, or else of its weakest."""
    names = [name for name in CLAIMS[about["topology"]] if name in claims]
    found = [name for name in names if claims[name]["verdict"] == headline.FOUND]
    row = claims[found[0] if found else names[-1]]
    outcome = row["verdict"] if not found or found[0] == names[0] else PARTLY
    return {key: {**row, **about, "outcome": outcome}[key] for key in COLUMNS}


def curve(columns, structure):
    """Of a set in each layer: how far a measure is from its null, in standard deviations of that, and whether p ≤ .05.

    Parameters
    ----------
    columns : dict of str → sequence
        Of the metrics file.
    structure : str

    Returns
    -------
    dict of str → (float, bool)
    """
    table = {name: np.asarray(values) for name, values in columns.items()}
    what = STRUCTURES[structure]
    table["p_corrected"] = headline.decided(table, what)
    rows = np.flatnonzero((table["measure"] == what.measure) & (table["control"] == "") & headline.stream(table))
    effects = [headline.effect({key: values[i] for key, values in table.items()}, what.measure) for i in rows]
    return {str(table["layer"][i]): (float(e), bool(table["p_corrected"][i] <= ALPHA)) for i, e in zip(rows, effects)}


def placed(vectors, samples, facts):
    """Where the labels of a set come to lie in one layer, as the measure of their topology sees them.

    Of a circle, line or map it is where probes put each label that never saw any of its samples; of other sets, the
    label means on their first two principal components.

    Parameters
    ----------
    vectors : array (N, D)
    samples : dict of str → sequence of length N
    facts : dict
        Of the metrics file: shape, preprocess, components, seed.

    Returns
    -------
    (labels, values, xy) : list of str (p,), array (p,), array (p, 2)
        On a circle cosine and sine; of a line true and predicted value; on a sphere degrees of longitude, from the
        middle of the labels, and latitude; on a torus the first two angles in turns; on a plane or grid its first
        two axes.
    """
    ((_, cloud),) = clouds_of("", {"": vectors}, {}, samples, facts, facts, facts["seed"])
    label_of = dict(zip(cloud.classes, samples["label"]))
    labels = [str(label_of[c]) for c in range(cloud.p)]
    return labels, cloud.values, _places(cloud)


def _places(cloud):
    topology = cloud.shape["topology"]
    if topology == "circle":
        return _predicted(cloud, cloud.targets)
    if topology in LINES:
        return np.c_[cloud.values, _predicted(cloud, cloud.values[:, None])]
    if topology not in PLACES:
        xy = principal_coordinates(cloud.means)[:, :2]
        return np.pad(xy, ((0, 0), (0, 2 - xy.shape[1])))
    found = _predicted(cloud, places.embedded(*cloud.surface))
    if topology == "torus":
        half = found.shape[1] // 2
        return (np.arctan2(found[:, half:], found[:, :half]) / (2 * np.pi) % 1)[:, :2]
    if topology == "sphere":
        middle = places.embedded(*cloud.surface).mean(0)
        east = np.arctan2(found[:, 1], found[:, 0]) - np.arctan2(middle[1], middle[0])
        north = np.arctan2(found[:, 2], np.hypot(found[:, 0], found[:, 1]))
        return np.degrees(np.c_[(east + np.pi) % (2 * np.pi) - np.pi, north])
    return found[:, :2]


def _predicted(cloud, targets):
    """The mean prediction (p, q) of each label's targets (p, q) by probes that never saw it."""
    predictions = cloud.hidden @ targets
    return np.stack([predictions[cloud.classes == c].mean(0) for c in range(cloud.p)])
