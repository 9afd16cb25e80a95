"""What becomes of the coefficients where there is no optimum: exact directions, signs, limits, dependent columns."""

from fractions import Fraction

import numpy as np
import pytest

from logreg_parity import Dataset
from logreg_parity.cli import main
from logreg_parity.data.certified import certified
from logreg_parity.truth import infinite
from logreg_parity.truth.infinite import runaway
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import flatten
from logreg_parity.truth.separation import null_vectors, separation
from parity_tests.certified import COMBINED, HARD, HARD_DATA, OVERLAP, SUITE, SUITE_TRUTH, WORDS

ENDLESS = {name: data for name, data in HARD_DATA.items() if HARD[name][3] in ("separable", "quasi-separable")}
SPLIT = {name: data for name, data in SUITE.items() if WORDS[SUITE_TRUTH[name]["status"]] != "finite"}


@pytest.mark.parametrize("name", [*ENDLESS, *SPLIT])
def test_the_direction_proves_it_and_the_signs_are_its(name):
    data = (ENDLESS | SPLIT)[name]
    found = runaway(data)
    assert separation(data, found.direction) == found.status
    for goes, d in zip(found.goes, found.direction, strict=True):
        assert (goes == "+inf") == (d > 0) and (goes == "-inf") == (d < 0)


@pytest.mark.parametrize("name", [name for name in HARD_DATA if HARD[name][3] == "finite"])
def test_where_there_is_an_optimum_nothing_runs_off(name):
    assert runaway(HARD_DATA[name]) is None


def test_the_signs_of_a_direction_that_is_the_only_one():
    """The quasi-separated cases have one direction, up to its length: that of the reference."""
    for name, truth in SUITE_TRUTH.items():
        if name in SUITE and truth["status"] == "quasi-complete":
            wanted = [
                Fraction(x) for x in (*truth["certificate"]["direction"][1:], truth["certificate"]["direction"][0])
            ]
            found = runaway(SUITE[name]).direction
            ratio = {a / b for a, b in zip(found, wanted, strict=True) if b}
            assert len(ratio) == 1 and ratio.pop() > 0


def test_limits_are_those_of_the_rows_on_the_boundary():
    """x1 runs off; of the rows with x1 = 0, the other coefficients' optimum is all that is left."""
    x2, y = np.array([0.0, 1, 2, 0, 1, 2, 1, 1]), np.array([0, 0, 1, 1, 0, 0, 1, 0])
    X = np.column_stack([np.append(np.zeros(8), [-1.0, 1]), np.append(x2, [5.0, 5])])
    found = runaway(Dataset(X, np.append(y, [0, 1]), "made", ("x1", "x2")))
    wanted = flatten(find_optimum(Dataset(x2[:, None], y, "the boundary")).parameters)
    assert found.goes == ("+inf", "finite", "finite") and np.array_equal(found.limits[1:], wanted)
    assert f"x1 to +infinity; x2 to {wanted[0]:.9g}; bias to {wanted[1]:.9g}." in str(found)


def test_what_the_boundary_does_not_determine_has_no_limit():
    """A weight that is 0 on all of it: the loss is the same for every value."""
    data = Dataset([[0, 0], [0, 0], [1, 2], [2, 3.0]], [0, 1, 1, 1], "made")
    found = runaway(data)
    assert found.status == "quasi-separable" and {"+inf"} <= set(found.goes[:2]) <= {"+inf", "any"}
    assert found.goes[2] == "finite" and found.limits[2] == 0


def test_without_a_bias_and_with_one_class():
    data = Dataset([[-1.0], [1], [2]], [0, 1, 1], "through 0")
    found = runaway(data, intercept=False)
    assert found.names == ("x1",) and found.goes == ("+inf",)
    assert runaway(OVERLAP, intercept=False) is None
    one = runaway(Dataset([[1.0], [2]], [1, 1], "one class"), l2=1.0)
    assert one.goes == ("finite", "+inf") and one.limits[0] == 0


def test_of_large_data_a_point_that_separates_is_enough(monkeypatch):
    monkeypatch.setattr(infinite, "EXACT_SIZE", 4)
    data = HARD_DATA["separable_only_in_combination"]
    assert runaway(data) is None and runaway(data, proposal=np.array([1.0, 1, 4])) is None
    assert runaway(data, proposal=np.array([1.0, 1, -4])).goes == ("+inf", "+inf", "-inf")


def test_null_vectors_are_exact():
    whole = np.array(COMBINED) * [2, 10]  # of whole numbers, whose products do not round
    assert len(null_vectors(np.column_stack([whole, whole @ [0.5, 0.25]]))) == 1
    assert len(null_vectors(np.column_stack([whole, whole @ [0.1, 0.3]]))) == 0  # 0.1 is no tenth


def test_the_command_says_it(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("dose,age,y\n1,3,0\n2,1,0\n3,2,1\n4,1,1\n")
    assert main(["fit", "--data", str(tmp_path / "t.csv"), "--label", "y"]) == 0
    printed = capsys.readouterr().out
    assert "separable: dose to +infinity" in printed and "firthmodels in Python" in printed
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{x},{2 * x},{y}\n" for x, y in enumerate("0100110110")))
    assert main(["fit", "--data", str(tmp_path / "t.csv"), "--label", "y", "--twins", "logreg_torch"]) == 3
    assert "'b' is 2 'a': leave one of them out" in capsys.readouterr().out


def test_the_tables_of_the_collection_run_as_certified():
    for name in ("iris_setosa", "mtcars_am_wt_hp_qsec", "winvector_quasi_2x2"):
        data, known = certified(name)
        assert runaway(data).status == known.status
