"""Dataset and its mini-batches: copies, hashes, subsets, and all that is refused."""

from dataclasses import replace

import numpy as np
import pytest

from logreg_parity.data.dataset import Dataset, Parameters, batches
from logreg_parity.data.generator import gaussian, lesson

X, Y = np.array([[0.0, 1.0], [2.0, 3.0], [-4.0, 5.5]]), np.array([0.0, 1.0, 0.25])


def test_data_set_copies_and_is_read_only():
    given = {"X": X.astype(np.float32), "y": Y.copy(), "sample_weight": np.array([1, 2, 0])}
    dataset = Dataset(source="three rows", **given)
    for name, array in given.items():
        kept, original = getattr(dataset, name), array.copy()
        array += 1
        assert kept.dtype == np.float64 and np.array_equal(kept, original), name
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 1


@pytest.mark.parametrize(("field", "shape"), [("X", (3, 2)), ("y", (3,)), ("sample_weight", (3,))])
def test_sha256_changes_with_every_number(field, shape):
    dataset = Dataset(X, Y, "three rows", sample_weight=np.ones(3))
    seen = {dataset.sha256, Dataset(X, Y, "no weights").sha256}
    for place in np.ndindex(shape):
        values = getattr(dataset, field).copy()
        values[place] = np.nextafter(values[place], 0.5)
        seen.add(replace(dataset, **{field: values}).sha256)
    assert len(seen) == 2 + np.prod(shape)
    assert replace(dataset, source="elsewhere", feature_names=("a", "b")).sha256 == dataset.sha256


@pytest.mark.parametrize("rows", [[2, 0], [1, 1, 1], np.array([True, False, True]), slice(1, None)], ids=str)
def test_take(rows):
    for weight in (None, np.array([1.0, 2.0, 3.0])):
        taken = Dataset(X, Y, "three rows", ("a", "b"), sample_weight=weight).take(rows)
        wanted = Dataset(X[rows], Y[rows], "", sample_weight=None if weight is None else weight[rows])
        assert (taken.sha256, taken.n_rows) == (wanted.sha256, wanted.n_rows)
        assert (taken.feature_names, taken.n_features) == (("a", "b"), 2)


def test_standardized():
    # Means 2 and 1, deviations 2 and 4: whole numbers, so the result is exact.
    raw = Dataset([[0, 5], [4, -3]] * 2, [0, 1, 1, 0], "four rows", true_parameters=Parameters(X[0], 0.0))
    made = raw.standardized()
    assert made.X.tolist() == [[-1, 1], [1, -1]] * 2 and np.array_equal(made.y, raw.y)
    assert (made.source, made.true_parameters) == ("four rows, standardised", None)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e17 / 3])
@pytest.mark.parametrize("n", [3, 10])
def test_a_feature_that_never_changes_cannot_be_standardized(constant, n):
    with pytest.raises(ValueError, match="x2 never changes"):
        Dataset(np.column_stack([np.arange(n), np.full(n, constant)]), np.zeros(n), "").standardized()


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7])])
def test_batches(batch_size, sizes):
    made, same, other = (list(batches(7, batch_size, 4 * len(sizes), seed=seed)) for seed in (1, 1, 2))
    orders, same, other = (np.concatenate(rows).reshape(4, 7) for rows in (made, same, other))
    assert [len(rows) for rows in made] == sizes * 4
    assert (np.sort(orders) == np.arange(7)).all() and len(np.unique(orders, axis=0)) == 4
    assert np.array_equal(orders, same) and not np.array_equal(orders, other)
    assert [len(list(batches(7, batch_size, steps))) for steps in range(9)] == list(range(9))


def data(**changed):
    return Dataset(**{"X": X, "y": Y, "source": "bad", **changed})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lesson(1), "n_points is 1; give at least 2"),
        (lambda: lesson(noise="gauss"), "noise is 'gauss'; give one of uniform, normal, none"),
        (lambda: lesson(noise_level=-0.5), "noise_level is -0.5; give 0 or more"),
        (lambda: lesson(labels="hard"), "labels is 'hard'; give one of rounded, bernoulli, soft"),
        (lambda: gaussian(correlation=1), "correlation is 1; give a number between -1 and 1"),
        (lambda: gaussian(class_balance=0), "class_balance is 0; give a number between 0 and 1"),
        (lambda: data(X=X[:2]), r"X has shape \(2, 2\) and y has shape \(3,\)"),
        (lambda: data(X=X[:0], y=Y[:0]), "no rows"),
        (lambda: data(X=np.where(X == 5.5, np.nan, X)), r"X\[2, 1\] is nan"),
        (lambda: data(y=[0, 1, -np.inf]), r"y\[2\] is -inf"),
        (lambda: data(y=[0, 1, 1.5]), r"labels lie in \[0, 1.5\]"),
        (lambda: data(y=[-1, 1, 1]), r"labels lie in \[-1, 1\]"),
        (lambda: data(X=X + 1j), "X holds complex128 values"),
        (lambda: data(y=["a", "b", "a"]), "y holds <U1 values"),
        (lambda: data(sample_weight=[1, 1]), r"sample_weight has shape \(2,\); give \(3,\)"),
        (lambda: data(sample_weight=[1, -1, 1]), "negative or all zero"),
        (lambda: data(sample_weight=[0, 0, 0]), "negative or all zero"),
        (lambda: data(feature_names=("a",)), "1 feature names came for 2 features"),
        (lambda: list(batches(7, 0, 1)), "batch_size is 0; give a number from 1 to the 7 rows"),
        (lambda: list(batches(7, 8, 1)), "batch_size is 8; give a number from 1 to the 7 rows"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_hash_knows_the_shape():
    """The same eight bytes in the same order, as two data sets."""
    assert Dataset([[1.0], [0.0]], [0, 1], "tall").sha256 != Dataset([[1.0, 0.0, 0.0]], [1], "flat").sha256
