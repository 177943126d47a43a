"""Measures of one set in all layers of a model, and of its controls, as rows of one tidy table."""

import numpy as np

from orrery.clouds import clouds_of
from orrery.geometry.permutations import p_values
from orrery.intervals import difference, interval, paired_replicates, replicates
from orrery.measured import FACTORS, MEASURED, NOISE_FOR, measures_of
from orrery.nulls import BEYOND, Alone, Search
from orrery.planted import planted
from orrery.statistics import FUNCTIONS, fits
from orrery.structures import CLAIMS, STRUCTURES, TRIVIAL, deciding, said

__all__ = ["Alone", "Search", "measure"]
PERMUTED = {
    "orders": "order of the labels", "labels": "labels of the samples", "gaussian": "Gaussian of the same spectrum",
    "arranged": "places of the labels", "walks": "walks of the same smoothness",
    "within": "labels within regions of the map",
    "own": "labels within regions of the vectors",
    "regions": "whole regions", "residues": "order of the last digits", "signs": "signs of whole decades",
    "halves": "halves of the last digits", "digits": "numbers of equally many digits", "units": "signs of the labels",
    **{f"levels {i}": f"levels of factor {i}" for i in FACTORS}, "shapes": "order of the labels",
    "partial": "what a covariate leaves", "none": "",
}  # fmt: skip
# nulls of which more is drawn where almost none is beyond the set
DRAWN = ("gaussian", "walks", "units", "own", "residues", "digits")
PLANTED = " with "  # between the name of a control and the shape that was planted in it
SHARED = "the {p} labels cannot be told from the {n} documents they stand in: not every label has one of its own"


def measure(layers, samples, shape, options, seed, controls=(), others=None):
    """Measure every layer of a set, and of its controls, with all that fits the set.

    Parameters
    ----------
    layers : dict of str → array (N, D)
        The residual stream, and what sublayers add to it (08-attn): each kind is searched over by itself.
    samples : dict of str → sequence of length N
        At least label, value, group.
    shape : dict
        From `config.shape_of`: topology, and what the set has of period, numbers, parents, regions, coordinates and
        periods.
    options : dict
        The `metrics` section: preprocess, components, permutations; ridge, template_effects; structures, if only the
        measures that decide these are asked for; measure_controls, what is measured of controls: verdicts (what a
        verdict needs, by default) or all.
    seed : int
    controls : sequence of str
        Names from `measured.CONTROLS`. Those that are read from other files are measured where `others` has them.
    others : dict of str → dict of str → array (N, D)
        Control → layers, of the same samples (untrained, untrained-2, …) or of as many (random-tokens, random-words).

    Returns
    -------
    list of dict
        control (empty for the set itself; "untrained with circle" where a shape was planted into it), layer, site
        (empty for the residual stream), measure, value, low and high (95 %, `intervals`; NaN where there is none),
        better (high or low), null_mean, null_low, null_high (2.5 and 97.5 %), p, p_corrected (over layers and, of
        measures at several periods, over those), n, contexts, classes, orders (members of the null, the true one
        included), exact, least_p (the smallest p that there can be), permuted, reason (why there is no value);
        untrained_difference, difference_low, difference_high: of measures that decide, less the untrained twins, each
        at its own best layer.

    Raises
    ------
    OrreryError
        A control has not as many samples as the set, or a label has several values.
    """
    others, structures, rows, twins = others or {}, options.get("structures"), [], []
    stream = {name: x for name, x in layers.items() if not _site(name)}
    for control in _in_turn(controls, others):
        clouds = list(clouds_of(control, stream, others, samples, shape, options, seed))
        if clouds:
            search, untrained = Search(clouds[0][1], options["permutations"], seed, control), _untrained(control)
            # one twin says whether twins could show it
            some, *twin = _control_rows(control, clouds, search, options, plant=not (untrained and twins))
            rows += some
            twins += [twin] if untrained else []
    for site in dict.fromkeys(map(_site, layers)):
        some = {name: x for name, x in layers.items() if _site(name) == site}
        clouds = list(clouds_of("", some, others, samples, shape, options, seed))
        search = Search(clouds[0][1], options["permutations"], seed)
        names, pairs = _names(clouds[0][1], structures), bool(twins) and not site
        found, *replicas = _statistics(clouds, search, names, pairs, intervals=True)
        rows = [*_table("", found, clouds, search, replicas, [] if site else twins), *rows]
    return rows


def _site(layer):
    """What of a block a layer is: empty for the residual stream, else pre, attn or mlp."""
    return layer.partition("-")[2]


def _in_turn(controls, others):
    """The controls by name, each untrained twin by itself."""
    twins = [name for name in others if name.startswith("untrained-")]
    return [one for name in controls for one in ([name, *twins] if name == "untrained" else [name])]


def _untrained(control):
    return control.startswith("untrained")


def _control_rows(control, clouds, search, options, plant):
    """Rows of a control, with shapes planted into it if asked; its statistics, and replicas for differences."""
    structures, first = options.get("structures"), clouds[0][1]
    names, asked = _names(first, structures), _asked_of(control, first.shape["topology"], structures)
    decide = [name for name in names if name in deciding(asked)]
    besides = NOISE_FOR if control in ("gaussian", "spectrum") and not structures else ()
    everything = options.get("measure_controls", "verdicts") == "all"
    wanted = names if everything else [name for name in names if name in decide or name in besides]
    found, paired, _ = _statistics(clouds, search, wanted, pairs=_untrained(control))
    rows = _table(control, found, clouds, search)
    if plant:
        rows += _planted_rows(control, clouds, search, decide, asked)
    return rows, found, paired


def _asked_of(control, topology, structures):
    """The structures that are looked for in a control: of noise none that any labels have, unless it is claimed."""
    asked = structures or STRUCTURES
    trivial = () if _untrained(control) else set(TRIVIAL) - set(CLAIMS[topology])
    return [name for name in asked if name not in trivial]


def _names(cloud, structures):
    """What is measured of a set: what fits it, of all or of what decides some structures."""
    asked = deciding(structures) | said(structures) if structures else FUNCTIONS
    return [name for name in measures_of(cloud.shape) if name in asked and fits(name, cloud)]


def _planted_rows(control, clouds, search, decide, structures):
    """Rows of a control into which each shape was put that a structure claims."""
    rows, names_of = [], {}
    for structure in structures:
        what = STRUCTURES[structure]
        if what.measure in decide:
            names = [name for name in deciding([structure]) if name in decide]
            names_of[what.planted] = names_of.get(what.planted, {}) | dict.fromkeys(names)
    for shape, names in names_of.items():
        shaped = [(layer, planted(cloud, shape, search.seed)) for layer, cloud in clouds]
        found = _statistics(shaped, search, list(names))[0]
        rows += _table(control + PLANTED + shape, found, shaped, search)
    return rows


def _statistics(clouds, search, names, pairs=False, intervals=False):
    """measure → layer → statistics (1 + B,) or None; and measure → layer → replicas for differences, for intervals."""
    found = {name: {} for name in names}
    paired, replicas = ({name: {} for name in names} for _ in range(2))
    for layer, cloud in clouds:
        varied = np.ptp(cloud.x, 0).max() > 1e-6 * np.abs(cloud.x).max()
        for name in names:
            asked = _asked(cloud, name)
            found[name][layer] = FUNCTIONS[name](asked, search) if varied and asked is not None else None
        for wanted, made, kept in ((pairs, paired_replicates, paired), (intervals, replicates, replicas)):
            for part in dict.fromkeys((cloud, cloud.unmixed) if wanted and varied else ()):
                some = [name for name in names if MEASURED[name].units and _asked(cloud, name) is part]
                for name, values in (made(part, some) if some and part is not None else {}).items():
                    kept[name][layer] = values
        _forget(cloud)
    if not search.control:
        _draw_more(clouds, search, found)
    return found, paired, replicas


def _forget(cloud):
    """Let go of what the measures of a layer shared, which is large."""
    for part in (cloud, cloud.__dict__.get("unmixed"), cloud.__dict__.get("sampled")):
        for name in ("smoother", "operator", "distances", "hidden", "probe"):
            if part is not None:
                part.__dict__.pop(name, None)


def _draw_more(clouds, search, found):
    """More draws of nulls that hardly any draw so far is beyond (sequential Monte Carlo, Besag and Clifford 1991)."""
    more = search.with_more_draws()
    if more.draws() <= search.draws():
        return
    for name, layers in found.items():
        some = [layer for layer, values in layers.items() if values is not None]
        if MEASURED[name].null not in DRAWN or name not in deciding(STRUCTURES) or not some:
            continue
        statistics = np.array([layers[layer] for layer in some])
        corrected = p_values(statistics if MEASURED[name].better == "high" else -statistics)[1]
        if corrected.min() * statistics.shape[1] < BEYOND:
            for layer, cloud in clouds:
                if layer in some:
                    layers[layer] = FUNCTIONS[name](_asked(cloud, name), more)


def _asked(cloud, name):
    """The samples that a measure is taken of: of labels and their order only those that share no document, or None."""
    return cloud if MEASURED[name].sets in ("any", "labels") else cloud.unmixed


def _family(name):
    """Measures that are searched over together have one family."""
    return name if MEASURED[name].null.startswith("levels") else name.rstrip("0123456789")


def _table(control, found, clouds, search, replicas=None, twins=()):
    """The rows of a set or a control."""
    families = {}
    for name in found:
        families.setdefault(_family(name), []).append(name)
    return [
        {"control": control, **row}
        for family in families.values()
        for row in _family_rows(family, found, clouds[0][1], search, replicas or ({}, {}), twins)
    ]


def _family_rows(family, found, cloud, search, replicas, twins):
    """Rows of measures that are searched over together."""
    keys = [(name, layer) for name in family for layer in found[name]]
    sizes = [len(s) for name in family for s in found[name].values() if s is not None]
    size, kind = max(sizes, default=1), MEASURED[family[0]]
    statistics = np.full((len(keys), size), np.nan)
    for i, (name, layer) in enumerate(keys):
        if found[name][layer] is not None:
            statistics[i] = found[name][layer]
    asked = _asked(cloud, family[0])
    tested = kind.null != "none"
    p, corrected = (
        p_values(statistics if kind.better == "high" else -statistics) if tested else (np.full(len(keys), np.nan),) * 2
    )
    spread = statistics[:, 1:] if size > 1 else np.full((len(keys), 1), np.nan)
    low, high = np.quantile(spread, [0.025, 0.975], axis=1)
    means = spread.mean(1)
    reason = "" if asked is not None else SHARED.format(p=cloud.p, n=cloud.groups.max() + 1)
    facts = {
        "better": kind.better, "n": len((asked or cloud).classes), "contexts": len(np.unique((asked or cloud).groups)),
        "classes": cloud.p, "orders": size if tested else 0, "exact": bool(tested and _enumerated(family[0], search)),
        "least_p": _least(family[0], search, size) if tested else np.nan,
        "permuted": PERMUTED[kind.null] if tested else "", "reason": reason,
    }  # fmt: skip
    rows = []
    for i, (name, layer) in enumerate(keys):
        value, (pairs, parts) = float(statistics[i, 0]), (some.get(name, {}).get(layer) for some in replicas)
        bounds = (np.nan, np.nan) if parts is None else interval(value, parts, MEASURED[name], cloud.p)
        apart = (np.nan,) * 3
        if pairs is not None or (tested and twins and not kind.units):
            apart = difference((value, pairs), [_best_of(twin, name) for twin in twins], kind)
        rows.append({
            "layer": layer, "site": _site(layer), "measure": name, "value": value, "low": bounds[0], "high": bounds[1],
            "null_mean": float(means[i]), "null_low": float(low[i]), "null_high": float(high[i]), "p": float(p[i]),
            "p_corrected": float(corrected[i]), **facts, "untrained_difference": apart[0], "difference_low": apart[1],
            "difference_high": apart[2],
        })  # fmt: skip
    return rows


def _best_of(twin, name):
    """Value and replicas of a measure in the layer of a twin where it is best."""
    found, replicas = twin
    values = {layer: s[0] for layer, s in found.get(name, {}).items() if s is not None and np.isfinite(s[0])}
    if not values:
        return np.nan, None
    best = (max if MEASURED[name].better == "high" else min)(values, key=values.get)
    return float(values[best]), replicas.get(name, {}).get(best)


def _enumerated(name, search):
    """Whether a null is all that there is."""
    null = MEASURED[name].null
    if null == "orders":
        return search.exact and not name.startswith(("unique", "parent", "difference"))
    if null in ("within", "regions"):
        return (search.within_regions if null == "within" else search.regions)[1]
    return search.levels(int(null[-1]) - 1)[1] if null.startswith("levels") else null == "halves"


def _least(name, search, size):
    """The smallest p that a measure can have."""
    kind = MEASURED[name]
    same = search.least.get(kind.sets if kind.sets in ("parents", "places") and kind.null == "orders" else kind.null, 0)
    if search.cloud.unmixed is None and kind.sets not in ("any", "labels"):
        return 1.0
    return float(max(same, 1 / size))
