"""Traces: what is stored is what ran, every bad file is refused in words, and only one problem's runs are compared."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from logreg_parity import Parameters, published_2021
from logreg_parity.cli import main
from logreg_parity.explain import trace as module
from logreg_parity.explain.trace import ARRAYS, Trace, check_comparable, record
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.truth import reference
from logreg_parity.twins import Setting
from parity_tests.cases import CASES

SETTING = Setting(steps=12, learning_rate=2.0**-6, l2=0.25)
BATCHED = replace(SETTING, batch_size=25, record="before")  # 60 rows: every third batch is shorter


def made(setting=SETTING, case="published", twin=None, **options) -> Trace:
    return record("by_hand", twin or ByHand(), *CASES[case], setting, **{"dtype": "float64", **options})


@pytest.fixture
def path(tmp_path):
    """A whole trace in a file."""
    made().save(tmp_path / "run.npz")
    return tmp_path / "run.npz"


def rewritten(path, **changed):
    """The file with arrays replaced, or left out where they are None; a dict changes the header."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = changed.pop("header", None)
    if isinstance(header, dict):
        changed["header"] = np.array(json.dumps(json.loads(str(arrays["header"])) | header))
    elif header is not None:
        changed["header"] = header
    np.savez(path, **{name: value for name, value in (arrays | changed).items() if value is not None})
    return path


@pytest.mark.parametrize("case", ["published", "weighted", "correlated"])
@pytest.mark.parametrize("setting", [SETTING, BATCHED], ids=["all rows", "batches"])
def test_what_is_loaded_is_what_was_saved(tmp_path, case, setting):
    saved = record("reference", reference, *CASES[case], setting, dtype="float64")
    saved.save(tmp_path / "run.npz")
    loaded = Trace.load(tmp_path / "run.npz")
    plain = {field.name for field in fields(Trace)} - {*ARRAYS, "dataset", "start"}
    assert all(np.array_equal(getattr(loaded, name), getattr(saved, name), equal_nan=True) for name in ARRAYS)
    assert all(getattr(loaded, name) == getattr(saved, name) for name in plain)
    assert loaded.dataset.sha256 == saved.dataset.sha256 == CASES[case].dataset.sha256
    assert np.array_equal(reference.flatten(loaded.start), reference.flatten(saved.start))


def test_nothing_but_the_file_is_left(path):
    assert [found.name for found in path.parent.iterdir()] == ["run.npz"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("setting", [SETTING, BATCHED], ids=["all rows", "batches"])
def test_both_twins_give_what_their_own_functions_give(twin, setting, dtype):
    """Gradient and loss at a stored point are those of evaluate there, on the step's rows."""
    dataset, start = CASES["correlated"]
    trace = record("twin", twin, dataset, start, setting, dtype=dtype, detail=[5])
    data, options = trace.dataset, {"l2": setting.l2, "reduction": setting.reduction, "dtype": dtype}
    if setting.batch_size:
        order = np.random.RandomState(setting.seed).permutation(dataset.n_rows)
        data, t = data.take(order[setting.batch_size : 2 * setting.batch_size]), 1
    else:
        t = 4
    at = twin.evaluate(data, Parameters(trace.points[t, :-1], trace.points[t, -1]), **options)
    assert np.array_equal(trace.gradients[t], reference.flatten(at.gradient))
    assert trace.before[t] == at.objective
    assert setting.batch_size or np.array_equal(trace.logits[0], at.logits)


@pytest.mark.parametrize(("asked", "kept"), [(None, [1, 2, 3, 12]), ([7, 2], [2, 7])])
def test_the_detail_asked_for_is_kept(asked, kept):
    trace = made(detail=asked)
    assert trace.detail.tolist() == kept
    assert trace.logits.shape == trace.row_losses.shape == trace.residuals.shape == (len(kept), 100)


def test_a_short_batch_is_padded():
    """60 rows in batches of 25: the third has 10."""
    trace = made(BATCHED, "weighted", reference, detail=[3])
    assert np.isfinite(trace.logits[0]).sum() == 10


def test_a_run_that_stops_is_whole_as_far_as_it_went(tmp_path):
    setting = Setting(steps=9, learning_rate=1e308, reduction="sum")
    stopped = record("reference", reference, *published_2021(), setting, dtype="float64")
    stopped.save(tmp_path / "run.npz")
    loaded = Trace.load(tmp_path / "run.npz")
    assert loaded.steps < 9
    assert loaded.stop_reason


def test_a_trace_from_before_settings_had_a_loss_is_read(path):
    with np.load(path) as archive:
        setting = json.loads(str(archive["header"]))["setting"]
    assert setting.pop("loss") == "stable"
    assert Trace.load(rewritten(path, header={"setting": setting})).setting == SETTING


def test_a_large_data_set_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_STORED", 99)
    made().save(tmp_path / "run.npz")
    assert Trace.load(tmp_path / "run.npz").dataset is None


def test_a_truncated_file_is_refused(path):
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"cannot be read .*; give a whole file"):
            Trace.load(path)


def test_a_damaged_number_is_refused(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read|SHA-256"):
        Trace.load(path)


@pytest.mark.parametrize("content", [b"age,dose\n1,2\n", b"\x93NUMPY"], ids=["text", "npy"])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "run.npz").write_bytes(content)
    with pytest.raises(ValueError, match="`logreg-parity record` has written"):
        Trace.load(tmp_path / "run.npz")


def test_a_pickle_is_refused(path):
    rewritten(path, points=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        Trace.load(path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"header": None, "points": None}, "'points' is missing"),
        ({"header": np.array("{")}, "Expecting property name"),
        ({"header": np.array("[]")}, "no header"),
        ({"header": {"format": "another"}}, "no header that says"),
        ({"header": {"version": 2}}, "version 2, this program reads 1"),
        ({"header": {"setting": {"speed": 1}}}, "unexpected keyword argument 'speed'"),
        ({"header": {"setting": {"steps": 12, "learning_rate": -1.0}}}, "learning_rate is -1.0"),
        ({"header": {"sha256": "0"}}, "SHA-256"),
        ({"X": np.ones((99, 1))}, "X has shape"),
        ({"points": np.ones((13, 3))}, r"'points' has shape \(13, 3\) and type float64, wanted \(13, 2\)"),
        ({"gradients": np.ones((12, 2), np.float32)}, "'gradients' has shape .* type float32"),
        ({"losses": np.ones(11)}, "11 steps of the 12"),
        ({"losses": np.array(1.0)}, "0 steps of the 12"),
        ({"logits": np.ones((4, 99))}, "'logits'"),
        ({"detail": np.array([1, 2, 3, 13])}, "'detail' is .* from 1 to 12"),
        ({"detail": np.array([1, 2, 2, 3])}, "'detail' is .* rising"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_does_not_fit_together_is_refused(path, changed, words):
    rewritten(path, **changed)
    with pytest.raises(ValueError, match=rf"not a whole trace: .*{words}.*; record it again"):
        Trace.load(path)


def test_runs_of_one_problem_can_be_compared_wherever_they_ran():
    ran = replace(made().ran, device="cuda", versions={"torch": "3.0"}, platform="another")
    check_comparable(made(), replace(made(dtype="float32"), ran=ran))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (made(replace(SETTING, steps=11)), r"steps \(12 and 11\)"),
        (made(replace(SETTING, learning_rate=0.5, reduction="sum")), "learning_rate .*; reduction"),
        (made(case="bernoulli"), r"the data \(SHA-256\) .*; the start"),
        (replace(made(), start=Parameters(np.zeros(1), 0.0)), "the start"),
    ],
    ids=["steps", "two", "data", "start"],
)
def test_runs_of_two_problems_cannot(other, words):
    with pytest.raises(ValueError, match=words):
        check_comparable(made(), other)


def test_the_command_writes_a_trace(tmp_path, capsys):
    path = tmp_path / "run.npz"
    arguments = ["--steps", "4", "--batch-size", "30", "--dtype", "float64", "--detail", "2", "3"]
    assert main(["record", "--twin", "logreg_torch", "--out", str(path), *arguments]) == 0
    trace = Trace.load(path)
    assert "4 steps of logreg_torch in float64" in capsys.readouterr().out
    assert (trace.setting.steps, trace.setting.batch_size, trace.detail.tolist()) == (4, 30, [2, 3])
    assert trace.ran.versions["torch"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--twin", "no_such_module"], "no_such_module"),
        (["--twin", "logreg_torch", "--device", "tpu"], "--device is 'tpu'; logreg_torch sees cpu"),
        (["--twin", "logreg_torch", "--detail", "5"], "give steps from 1 to 4"),
        (["--twin", "logreg_torch", "--out", "nowhere/run.npz"], "a folder that exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_explained(tmp_path, arguments, words, capsys):
    assert main(["record", "--steps", "4", "--out", str(tmp_path / "run.npz"), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run.npz").exists()
