"""The second notebook's quantities, recomputed the slow way, and known answers of correlations with numbers."""

import numpy as np
import pytest
from orrery.analysis import analyse
from orrery.errors import OrreryError
from orrery.geometry.sequences import (
    members,
    number_properties,
    property_correlations,
    residuals,
    smoothed_membership,
)
from orrery.geometry.spectrum import amplitudes, mean_power

V, C = 120, 24
PAIRED = ("correlations", "correlation_columns", "pair_first", "pair_second", "pair_r")
BY_VALUE = ("values", "counts", "by_value", "class_cosines", "class_cosines_centred")
SPECTRAL = ("frequencies", "fourier", "fourier_mean", "steps", "step_values")
NUMERIC = ("property_r", "property_p", "property_partial_r", "property_partial_p")


def samples_of(values):
    return {"value": np.asarray(values, dtype=float), "label": [f"{v:.17g}" for v in values]}


@pytest.fixture(scope="module")
def notebook():
    """A fixed matrix (V, C) of correlated columns, one row for each number, and what is found in it."""
    rng = np.random.default_rng(7)
    columns = rng.standard_normal((V, C)) @ rng.standard_normal((C, C)) + 2
    columns[:, 0] += 4 * np.log10(np.arange(V) + 1)
    return columns, *analyse(columns, samples_of(range(V)), 0, 99)


def column(facts, name):
    return [p["name"] for p in facts["properties"]].index(name)


def test_correlations_of_the_first_components(notebook):
    columns, arrays, _ = notebook
    np.testing.assert_allclose(arrays["correlations"], np.corrcoef(columns[:, :20].T), atol=1e-6)
    np.testing.assert_array_equal(arrays["correlation_columns"], np.arange(1, 21))


def test_top_correlated_pairs(notebook):
    columns, arrays, _ = notebook
    table = []
    for i in range(20):
        for j in range(i + 1, 20):
            table += [(i + 1, j + 1, np.corrcoef(columns[:, i], columns[:, j])[0, 1])]
    table = sorted(table, key=lambda row: -abs(row[2]))[:50]
    found = list(zip(arrays["pair_first"], arrays["pair_second"], arrays["pair_r"]))
    assert [row[:2] for row in found] == [row[:2] for row in table]
    np.testing.assert_allclose([row[2] for row in found], [row[2] for row in table], atol=1e-6)


def test_fourier_magnitudes_by_the_sum(notebook):
    columns, arrays, _ = notebook
    n = np.arange(V)
    np.testing.assert_allclose(arrays["frequencies"], np.arange(1, V // 2 + 1) / V)
    for k in (1, 12, 24, 59, 60):
        wave = np.exp(-2j * np.pi * k * n / V)
        for c in (0, 5, 23):
            total = abs(sum(wave[i] * (columns[i, c] - columns[:, c].mean()) for i in range(V)))
            assert arrays["fourier"][c, k - 1] == pytest.approx(total * (1 if k == V // 2 else 2) / V, abs=1e-6)


def test_mean_power_is_that_of_columns_of_unit_variance(notebook):
    columns, arrays, _ = notebook
    unit = (columns - columns.mean(0)) / columns.std(0)
    power = np.abs(np.fft.fft(unit, axis=0)) ** 2 / V**2
    folded = [power[k] + (power[V - k] if k != V // 2 else 0) for k in range(1, V // 2 + 1)]
    np.testing.assert_allclose(arrays["fourier_mean"], np.mean(folded, axis=1), atol=1e-6)
    assert arrays["fourier_mean"].sum() == pytest.approx(1)


def test_consecutive_distances(notebook):
    columns, arrays, _ = notebook
    expected = [np.sqrt(sum((columns[i, c] - columns[i - 1, c]) ** 2 for c in range(C))) for i in range(1, V)]
    np.testing.assert_allclose(arrays["steps"], expected, atol=1e-6)
    np.testing.assert_array_equal(arrays["step_values"], np.arange(1, V))


def test_class_means_and_their_cosines(rng):
    values = rng.permutation(np.repeat([1.0, 2, 4, 7, 9], [3, 5, 2, 4, 6]))
    columns = rng.standard_normal((20, 6)) + 1
    arrays, facts = analyse(columns, samples_of(values), 0)
    means = np.array([columns[values == v].mean(0) for v in (1, 2, 4, 7, 9)])
    np.testing.assert_allclose(arrays["by_value"], means, atol=1e-6)
    assert arrays["counts"].tolist() == [3, 5, 2, 4, 6] and facts["labels"] == ["1", "2", "4", "7", "9"]
    for name, rows in (("class_cosines", means), ("class_cosines_centred", means - means.mean(0))):
        expected = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a in rows] for b in rows]
        np.testing.assert_allclose(arrays[name], expected, atol=1e-6)


def test_property_correlations_one_at_a_time(notebook):
    columns, arrays, facts = notebook
    properties, table = number_properties(np.arange(V))
    assert facts["properties"] == properties and arrays["property_r"].shape == (C, len(properties))
    covariates = {"log": np.log10(np.arange(V) + 1), "digits": np.array([len(str(n)) for n in range(V)])}
    for s, fact in enumerate(properties):
        fit = np.column_stack([np.ones(V), *(x for name, x in covariates.items() if name != fact["sequence"])])
        left = [x - fit @ np.linalg.lstsq(fit, x, rcond=None)[0] for x in (table[:, s], *columns.T)]
        for c in range(C):
            r = np.corrcoef(columns[:, c], table[:, s])[0, 1]
            assert arrays["property_r"][c, s] == pytest.approx(r, abs=1e-6)
            assert arrays["property_partial_r"][c, s] == pytest.approx(
                np.corrcoef(left[0], left[c + 1])[0, 1], abs=1e-6
            )


def test_p_values_by_permuting_and_fitting_again(rng):
    """The null by its definition: permuted columns; for the partial one permuted residuals, fitted again."""
    n, columns = np.arange(30), rng.standard_normal((30, 3))
    columns[:, 0] += (n % 2) + np.log10(n + 1)
    properties, table = number_properties(n)
    found = property_correlations(columns, properties, table, 200, 5)
    orders = np.random.default_rng(5).permuted(np.tile(np.arange(30, dtype=np.int32), (200, 1)), axis=1)
    names = [p["sequence"] for p in properties]
    covariates = {name: table[:, [names.index(name)]] for name in ("log", "digits")}
    maxima, partial_maxima = [], []
    for order in orders:
        back = np.argsort(order)
        maxima += [np.abs(residuals(columns[back]).T @ residuals(table)).max()]
        largest = 0
        for s, name in enumerate(names):
            fit = np.hstack([x for key, x in covariates.items() if key != name])
            again = residuals(residuals(columns, fit)[back], fit)
            largest = max(largest, np.abs(again.T @ residuals(table[:, [s]], fit)).max())
        partial_maxima += [largest]
    for key, null in (("", np.array(maxima)), ("_partial", np.array(partial_maxima))):
        r, p = found[f"property{key}_r"], found[f"property{key}_p"]
        expected = (1 + (null >= np.abs(r)[..., None] - 1e-5).sum(-1)) / 201
        np.testing.assert_allclose(p, expected, atol=1.5 / 201)


@pytest.mark.parametrize(
    "name, first, below_1000",
    [
        ("primes", [2, 3, 5, 7, 11, 13], 168),
        ("fibonacci", [0, 1, 2, 3, 5, 8, 13], 16),
        ("lucas", [1, 2, 3, 4, 7, 11, 18], 15),
        ("triangular", [0, 1, 3, 6, 10, 15], 45),
        ("squares", [0, 1, 4, 9, 16], 32),
        ("factorials", [1, 2, 6], 6),
    ],
)
def test_members(name, first, below_1000):
    found = members(name, 1000)
    assert found[: len(first)].tolist() == first and len(found) == below_1000
    for stop in range(25):
        assert members(name, stop).tolist() == found[found < stop].tolist()


def test_smoothed_fibonacci_numbers_follow_the_logarithm():
    n = np.arange(1000)
    smooth = smoothed_membership(n, "fibonacci")
    assert np.corrcoef(smooth, np.log10(n + 1))[0, 1] == pytest.approx(-0.554, abs=5e-4)
    from scipy.ndimage import gaussian_filter1d

    peer = gaussian_filter1d(np.isin(n, members("fibonacci", 1000)).astype(float), 2)
    np.testing.assert_allclose(smooth, peer, atol=1e-12)
    np.testing.assert_array_equal(smooth[500:520], smoothed_membership(np.arange(500, 520), "fibonacci"))


def test_a_dimension_of_magnitude_owes_fibonacci_nothing(rng):
    """It correlates with the smoothed members as the logarithm does, and not beyond it."""
    n = np.arange(1000)
    columns = -np.log10(n + 1)[:, None] + 0.3 * rng.standard_normal((1000, 1))
    arrays, facts = analyse(columns, samples_of(n), 0, 199)
    s = column(facts, "fibonacci, smoothed")
    assert arrays["property_r"][0, s] > 0.3 and arrays["property_p"][0, s] == 1 / 200
    assert abs(arrays["property_partial_r"][0, s]) < 0.08 and arrays["property_partial_p"][0, s] > 0.05


def test_properties_of_the_first_thousand():
    properties, table = number_properties(np.arange(1000))
    at = {p["name"]: table[:, i] for i, p in enumerate(properties)}
    assert not {"sin T=2", "cos T=1", "sin T=1"} & set(at) and (table.std(0) > 0).all()
    assert [at[f"{name} digit"][347] for name in ("ones", "tens", "hundreds")] == [7, 4, 3]
    assert at["digit count"][[0, 9, 10, 99, 100, 999]].tolist() == [1, 1, 2, 2, 3, 3]
    assert at["n-th prime"][[0, 4, 5, 999]].tolist() == [2, 11, 13, 7919]
    assert at["n-th triangular number"][4] == 10 and at["primes"][[4, 5]].tolist() == [0, 1]
    np.testing.assert_allclose(at["cos T=2"], 1 - 2 * at["parity"])
    assert {p["kind"] for p in properties} == {"direct", "one-hot", "smoothed", "fourier"}


def test_digits_that_all_share_are_no_property():
    names = [p["name"] for p in number_properties(np.arange(10, 100))[0]]
    assert "digit count" not in names and "hundreds digit" not in names and "tens digit" in names


def test_a_wave_has_its_amplitude_at_its_period():
    n = np.arange(40)
    waves = np.column_stack([3 * np.cos(2 * np.pi * n / 10 + 1) + 7, 2.0 * (-1) ** n])
    frequencies, found = amplitudes(waves, 1)
    assert 1 / frequencies[found.argmax(1)] == pytest.approx([10, 2]) and found.max(1) == pytest.approx([3, 2])
    assert (np.sort(found, axis=1)[:, -2] < 1e-9).all()
    assert amplitudes(waves, 0.5)[0] == pytest.approx(2 * frequencies)
    assert len(amplitudes(waves[:39], 1)[0]) == 19 and mean_power(
        amplitudes(waves[:39], 1)[1], 39
    ).sum() == pytest.approx(1)


def test_magnitude_and_parity_spike_at_period_two(rng):
    """e(n) = A r + B (-1)^n m: most power outside the trend stands at one frequency."""
    n = np.arange(100)
    columns = np.outer(np.log10(n + 1), rng.standard_normal(50)) + np.outer((-1.0) ** n, rng.standard_normal(50))
    arrays, facts = analyse(columns, samples_of(n), 0, 199)
    power = arrays["fourier_mean"]
    assert power[-1] > 10 * power[5:-1].max() and arrays["frequencies"][-1] == 0.5
    s = column(facts, "parity")
    best = np.abs(arrays["property_partial_r"][:, s]).argmax()
    assert abs(arrays["property_partial_r"][best, s]) > 0.99 and arrays["property_partial_p"][best, s] == 1 / 200


@pytest.mark.parametrize("key", ["property_p", "property_partial_p"])
def test_searching_columns_and_properties_is_paid_for(key):
    """In pure noise the smallest corrected p of 20 columns × all properties is below .05 about one time in twenty."""
    rng = np.random.default_rng(11)
    properties, table = number_properties(np.arange(40))
    least = [
        property_correlations(rng.standard_normal((40, 20)), properties, table, 99, seed)[key].min()
        for seed in range(300)
    ]
    assert np.mean(np.array(least) <= 0.05) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(least) <= 0.5) > 0.35


@pytest.mark.parametrize(
    "values, phrase",
    [(np.arange(7), "7 values are fewer than 8"), ([0, 1, 2, 3, 4, 5, 6, 7, 9], "not evenly spaced: gaps from 1 to 2")],
)
def test_uneven_values_have_no_spectrum(rng, values, phrase):
    arrays, facts = analyse(rng.standard_normal((len(values), 5)), samples_of(values), 0, 19)
    assert phrase in facts["uneven"] and set(arrays) == {*PAIRED, *BY_VALUE} and "properties" not in facts


@pytest.mark.parametrize(
    "values, phrase", [(np.arange(8) / 2, "not integers"), (np.arange(-4, 4), "below 0"), (np.arange(8) * 1e6, "above")]
)
def test_what_is_no_number_has_a_spectrum_but_no_properties(rng, values, phrase):
    arrays, facts = analyse(rng.standard_normal((8, 5)), samples_of(values), 0, 19)
    assert phrase in facts["no_properties"] and set(arrays) == {*PAIRED, *BY_VALUE, *SPECTRAL}
    assert "uneven" not in facts and arrays["frequencies"][-1] == pytest.approx(0.5 / (values[1] - values[0]))


def test_numbers_have_all(notebook):
    _, arrays, facts = notebook
    assert set(arrays) == {*PAIRED, *BY_VALUE, *SPECTRAL, *NUMERIC}
    assert set(facts) == {"permutations", "labels", "properties"}


def test_raw_dimensions_are_chosen_by_their_variance(rng):
    scale = rng.permutation(np.arange(1.0, 41))
    arrays, _ = analyse(rng.standard_normal((500, 40)) * scale, samples_of([1, 2] * 250), 0, ordered=False)
    assert scale[arrays["correlation_columns"] - 1].min() > 15 and len(arrays["correlation_columns"]) == 20
    assert set(arrays["pair_first"]) <= set(arrays["correlation_columns"])


def test_columns_that_do_not_vary_are_undefined(rng):
    columns = rng.standard_normal((24, 4))
    columns[:, 1], columns[:, 2] = 3, 1e-13 * columns[:, 2]
    arrays, _ = analyse(columns, samples_of(range(24)), 0, 19)
    assert np.isnan(arrays["correlations"][1:3]).all() and len(arrays["pair_r"]) == 1
    for key in ("property", "property_partial"):
        assert np.isnan(arrays[f"{key}_r"][1:3]).all() and (arrays[f"{key}_p"][1:3] == 1).all()
        assert np.isfinite(arrays[f"{key}_r"][[0, 3]]).all()
    assert np.isfinite(arrays["fourier_mean"]).all()
    still, _ = analyse(np.ones((24, 4)), samples_of(range(24)), 0, 19)
    assert (still["property_p"] == 1).all() and not still["fourier_mean"].any() and not len(still["pair_r"])


def test_the_seed_decides_the_permutations(rng):
    columns = rng.standard_normal((30, 3))
    a, b, c = (analyse(columns, samples_of(range(30)), seed, 99)[0]["property_p"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_labels_too_many_for_an_attribute_are_left_out(rng):
    _, facts = analyse(rng.standard_normal((9000, 2)), samples_of(np.sort(rng.random(9000))), 0, 1)
    assert "labels" not in facts


@pytest.mark.parametrize(
    "columns, values, permutations, sentence",
    [
        (np.ones((2, 3)), [0, 1], 9, "2 samples are too few to correlate; choose a set with three"),
        (np.ones((4, 3)), [0, 1, 2], 9, r"columns of shape \(4, 3\) need a value for each row; 3 were given"),
        (np.ones((4, 3)), [0, 1, np.nan, 3], 9, "1 samples have no value; give the concept `values`"),
        (np.full((4, 3), np.inf), range(4), 9, "not finite; read the model with dtype: float32"),
        (np.ones((4, 3)), range(4), 0, "0 permutations give no p value; write 1 or more"),
    ],
)
def test_bad_inputs(columns, values, permutations, sentence):
    with pytest.raises(OrreryError, match=sentence):
        analyse(columns, samples_of(values), 0, permutations)


def test_a_sequence_that_is_not_known():
    with pytest.raises(OrreryError, match="no sequence 'perfect'; write one of primes, fibonacci"):
        members("perfect", 10)


def test_information_where_it_is_asked_for(rng):
    n = np.arange(200)
    columns = np.c_[(n % 2) + 0.01 * rng.standard_normal(200), rng.standard_normal(200)]
    arrays, facts = analyse(columns, samples_of(n), 0, 19, information=True)
    parity = [p["name"] for p in facts["properties"]].index("parity")
    found = arrays["property_information"][:, parity]
    assert found[0] == pytest.approx(np.log(2), abs=0.05) and found[1] < 0.15
    assert "property_information" not in analyse(columns, samples_of(n), 0, 19)[0]
