"""K classes judged step by step, and what is said of a run that does something else."""

from dataclasses import replace

import numpy as np
import pytest

from logreg_parity import MulticlassDataset, Parameters, Setting
from logreg_parity.__main__ import main
from logreg_parity.explain import multiclass
from logreg_parity.explain.multiclass import MulticlassTrace, explain_multiclass, record_multiclass
from logreg_parity.judge.multiclass import Judge, compare_multiclass, thetas
from parity_tests.conftest import TWINS

RANDOM = np.random.RandomState(0)
DATA = MulticlassDataset(
    RANDOM.standard_normal((40, 3)),
    np.arange(40) % 3,
    "forty rows",
    class_names=("a", "b", "c"),
    sample_weight=RANDOM.uniform(0.5, 2, 40),
)
START = Parameters(RANDOM.standard_normal((3, 3)), RANDOM.standard_normal(3))
SETTING = Setting(steps=6, learning_rate=0.25, l2=0.125)


@pytest.mark.parametrize("record", ["before", "after"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_both_twins_are_within_and_agree(reduction, record):
    setting = replace(SETTING, reduction=reduction, record=record, learning_rate=0.25 if reduction == "mean" else 0.01)
    found = compare_multiclass(TWINS, DATA, START, setting)
    assert found.verdict == "within" and len(found.rows) == 10
    assert all(row.share > 0 for row in found.rows if row.dtype == "float32" and len(row.subject) == 1)


def walk(slope=lambda judge, point: point.gradient, loss=lambda judge, point: judge.loss(point)[0], dtype="float32"):
    """A trace of NumPy's own, with a fault in the slope or the loss."""
    judge = Judge(DATA, SETTING, dtype)
    points, losses = [np.column_stack(START).astype(dtype).astype(float)], []
    for _ in range(SETTING.steps):
        here = judge.rows.at(points[-1])
        points.append((here.theta - judge.setting.learning_rate * slope(judge, here)).astype(dtype).astype(float))
        losses.append(loss(judge, judge.rows.at(points[-1])))
    return MulticlassTrace("walk", dtype, judge.dataset, judge.setting, np.array(points), np.array(losses))


def penalty(judge, point):
    return judge.setting.l2 * np.column_stack([point.theta[:, :3], np.zeros(3)])


def data_term(judge, point):
    return judge.loss(point)[0] - float((penalty(judge, point) * point.theta).sum()) / 2


def without_row(judge, point):
    left = judge.rows.weight * (np.arange(40) != 17)
    return (point.slopes * left[:, None]).T.astype(float) @ judge.rows.X / judge.rows.total + penalty(judge, point)


def own_sigmoids(judge, point):
    apart = 1 / (1 + np.exp(-judge.rows.X @ point.theta.T)) - np.eye(3)[judge.rows.y]
    return (apart * judge.rows.weight[:, None]).T @ judge.rows.X / judge.rows.total + penalty(judge, point)


FAULTS = {
    "no penalty": ({"slope": lambda j, p: p.gradient - penalty(j, p)}, "update", "the penalty is left out"),
    "penalty twice": ({"slope": lambda j, p: p.gradient + penalty(j, p)}, "update", "without the half"),
    "climbs": ({"slope": lambda j, p: -p.gradient}, "update", "the gradient climbs"),
    "no step": ({"slope": lambda j, p: 0 * p.gradient}, "update", "no step is taken"),
    "half a step": ({"slope": lambda j, p: p.gradient / 2}, "update", "half what it should be"),
    "a row": ({"slope": without_row}, "update", "row 17 of those that count is left out"),
    "a class": ({"slope": lambda j, p: p.gradient * [[1], [0], [1]]}, "update", "the row of class 'b' is not moved"),
    "biases": ({"slope": lambda j, p: p.gradient * [1, 1, 1, 0]}, "update", "the biases are not moved"),
    "sigmoids": ({"slope": own_sigmoids}, "update", "each class has a sigmoid of its own"),
    "sum": (
        {"slope": lambda j, p: (p.gradient - penalty(j, p)) * float(j.rows.total) + penalty(j, p)},
        "update",
        "the sum is taken where the mean is meant",
    ),
    "bits": ({"loss": lambda j, p: j.loss(p)[0] + data_term(j, p) * (1 / np.log(2) - 1)}, "loss", "in bits"),
    "loss without penalty": ({"loss": data_term}, "loss", "the penalty is left out"),
    "likelihood": ({"loss": lambda j, p: j.loss(p)[0] - 2 * data_term(j, p)}, "loss", "without the minus"),
    "twice": ({"loss": lambda j, p: 1.5 * j.loss(p)[0]}, "loss", "it is 1.5 times what it should be"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_explained(name):
    change, stage, words = FAULTS[name]
    found = explain_multiclass(record_multiclass(TWINS[0], DATA, START, SETTING, "float32"), walk(**change), ("a", "b"))
    assert (found.verdict, found.step, found.stage, found.of) == ("part", 1, stage, ("b",))
    assert words in found.cause


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_correct_walk_agrees_and_a_slope_a_little_off_does_not(dtype):
    right = record_multiclass(TWINS[1], DATA, START, SETTING, dtype)
    assert explain_multiclass(right, walk(dtype=dtype), ("a", "b")).verdict == "agree"
    share = 1e-4 if dtype == "float32" else 1e-12
    off = walk(slope=lambda j, p: p.gradient * (1 + share), dtype=dtype)
    assert explain_multiclass(right, off, ("a", "b")).verdict == "part"


def test_the_reach_holds_the_distance_of_two_runs():
    """Twins may be further apart than one step's rounding: by what steps carry on, and no further."""
    found = compare_multiclass(TWINS, DATA, START, replace(SETTING, steps=40), dtypes=["float32"])
    (row,) = (row for row in found.rows if row.quantity == "parameters")
    points = [thetas(found.runs["float32", name])[-1] for name in TWINS]
    assert row.error == np.linalg.norm(points[0] - points[1]) <= row.bound < 1e-3


def test_momentum_and_batches_are_refused():
    for change in ({"momentum": 0.5}, {"batch_size": 8}):
        with pytest.raises(ValueError, match="leave them out for K classes"):
            compare_multiclass(TWINS, DATA, START, replace(SETTING, **change))


def test_the_commands_take_a_label_of_three_values(tmp_path, capsys, monkeypatch):
    lines = ["x1,x2,x3,kind", *(f"{','.join(map(repr, x.tolist()))},{'abc'[y]}" for x, y in zip(DATA.X, DATA.y))]  # noqa: B905
    table = tmp_path / "three.csv"
    table.write_text("\n".join(lines))
    data, out = ["--data", str(table), "--label", "kind"], str(tmp_path / "out")
    assert main([*data, "--steps", "5", "--out", out]) == 0 and "3 classes" in capsys.readouterr().out
    fit = ["fit", *data, "--reference", "b", "--out", f"{out}/fit.json"]
    assert main(fit) == 0 and "class c:" in capsys.readouterr().out
    assert main([*fit[:-4], "--reference", "d"]) == 2 and "--reference is 'd'" in capsys.readouterr().err
    assert main(["fit", *data, "--inference"]) == 0 and "on 6 degrees of freedom" in capsys.readouterr().out
    assert main(["fit", *data, "--solver", "lbfgs"]) == 2 and "--solver" in capsys.readouterr().err
    traces = [f"{out}/{name}.npz" for name in TWINS]
    for name, path in zip(TWINS, traces, strict=True):
        assert main(["record", *data, "--steps", "5", "--twin", name, "--out", path]) == 0
    assert main(["explain", *traces]) == 0 and "The runs agree" in capsys.readouterr().out
    trace = MulticlassTrace.load(tmp_path / "out" / f"{TWINS[0]}.npz")
    replace(trace, points=trace.points * [1, 1, 1, 0]).save(tmp_path / "off.npz")
    assert main(["explain", traces[1], str(tmp_path / "off.npz"), "--json", f"{out}/why.json"]) == 1
    assert "the biases are not moved" in capsys.readouterr().out
    table.write_text("x,kind\n0,a\n1,a\n2,b\n3,c\n4,b\n5,c\n")  # of b and c alone x has an optimum
    for language, word in (("en", "to -infinity"), ("zh", "精确方向")):
        assert main([*data, "--steps", "2", "--out", out, "--lang", language]) == 0
        said = capsys.readouterr().out
        assert word in said and "a: x" in said and "brmultinom" in said
    assert main([*data, "--steps", "2", "--out", out, "--l2", "1"]) == 0
    assert "brmultinom" not in capsys.readouterr().out
    monkeypatch.setattr(multiclass, "FORMAT", "another")
    assert MulticlassTrace.load(tmp_path / "off.npz") is None
