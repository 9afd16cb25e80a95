"""The command line: what a person types, sees, and finds in the folder afterwards."""

import json
import subprocess
import sys

import pytest

from logreg_parity.cli import COMMANDS, main
from logreg_parity.explain.trace import Trace

pytestmark = pytest.mark.slow

QUICK = ["--steps", "20", "--dtype", "float64"]
FILES = {"comparison.json", "comparison.md", "fit.png", "loss.png", "difference.png", "axes.png"}
TABLE = "age,dose,outcome\n61,0.5,well\n34,1.5,ill\n47,1.0,well\n52,2.5,ill\n29,2.0,well\n70,2.2,ill\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(TABLE)
    return str(path)


def run(tmp_path, *arguments) -> tuple[int, dict]:
    """The exit status, and the report where one was written."""
    status = main([*arguments, "--out", str(tmp_path / "out")])
    report = tmp_path / "out" / "comparison.json"
    return status, json.loads(report.read_text()) if report.exists() else {}


@pytest.mark.parametrize("name", ["published", "lesson", "bernoulli", "soft"])
def test_every_made_data_set(tmp_path, name, capsys):
    status, report = run(tmp_path, "--data", name, *QUICK)
    assert status == 0
    assert report["verdict"] == "within"
    assert "logreg_torch" in capsys.readouterr().out


def test_the_report_is_complete(tmp_path, capsys):
    _, report = run(tmp_path, *QUICK)
    quantities = {row["quantity"] for row in report["rows"]}
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert len(quantities) == 9
    assert all(row["error"] <= row["bound"] for row in report["rows"])
    assert report["optimum"]["status"] == "finite"


def test_what_is_printed_is_what_is_written(tmp_path, capsys):
    _, report = run(tmp_path, *QUICK)
    printed = " ".join(capsys.readouterr().out.split())
    assert report["summary"] in printed
    assert report["summary"] in (tmp_path / "out" / "comparison.md").read_text()


def test_a_file(tmp_path, table):
    status, report = run(tmp_path, "--data", table, "--label", "outcome", "--standardize", *QUICK)
    assert status == 0
    assert report["data"]["features"] == ["age", "dose"]
    assert report["data"]["classes"] == ["ill", "well"]
    assert report["start"] == {"weight": [0.0, 0.0], "bias": 0.0}


def test_options_reach_the_run(tmp_path):
    options = ["--reduction", "mean", "--l2", "0.5", "--batch-size", "10", "--record", "before", "--step-size", "0.25"]
    status, report = run(tmp_path, *options, *QUICK)
    wanted = {"reduction": "mean", "l2": 0.5, "batch_size": 10, "record": "before", "learning_rate": 0.25, "steps": 20}
    assert status == 0
    assert report["setting"].items() >= wanted.items()


def test_the_mean_takes_the_same_path_as_the_sum(tmp_path):
    """The step size follows the reduction: 1e-4 of the sum over 100 rows is 1e-2 of the mean."""
    reports = [run(tmp_path, "--reduction", how, *QUICK)[1] for how in ("sum", "mean")]
    assert [report["setting"]["learning_rate"] for report in reports] == [1e-4, 1e-2]


def test_two_processes_write_the_report_of_one(tmp_path, monkeypatch, capfd):
    """In the order that was asked for, and from the very same numbers."""
    monkeypatch.setattr("logreg_parity.solvers.blocks.processors", lambda: 2)
    reports = []
    for least in (21, 20):
        monkeypatch.setattr("logreg_parity.cli.compare.STEPS_FOR_TWO", least)
        formats = ["--dtype", "float64", "float16", "float32"]
        _, report = run(tmp_path, "--twins", "logreg_parity.truth.reference", "--steps", "20", *formats)
        reports.append({name: part for name, part in report.items() if name != "machine"})
        assert ("a second process for float32" in capfd.readouterr().err) == (least == 20)
    assert reports[0] == reports[1]


FAULTY = """
from logreg_parity.truth.reference import *
from logreg_parity.truth import reference

def train(dataset, start, **options):
    return reference.train(dataset, start, **{**options, "learning_rate": 1.0001 * options["learning_rate"]})
"""


def test_a_users_own_module_is_judged(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_model.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    status, report = run(tmp_path, "--twins", "logreg_torch", "my_model", *QUICK)
    outside = {tuple(row["subject"]) for row in report["rows"] if row["verdict"] == "OUTSIDE"}
    assert status == 1
    assert ("my_model",) in outside
    assert ("logreg_torch",) not in outside
    assert "More than unavoidable rounding is at work: my_model is off" in " ".join(capsys.readouterr().out.split())


def test_where_nothing_can_be_promised_the_status_says_so(tmp_path):
    """Fifty times the edge of stability."""
    status, report = run(tmp_path, "--data", "soft", "--dtype", "float64", "--steps", "120", "--step-size", "0.5")
    assert status == 3
    assert any(row["bound"] is None for row in report["rows"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nothing.csv", "--label", "y"], "nothing.csv"),
        (["--data", "nothing"], "give published, lesson, bernoulli, soft"),
        (["--data", "TABLE"], "which column is the label with --label"),
        (["--data", "TABLE", "--label", "size"], "'size'"),
        (["--label", "y"], "are for files"),
        (["--twins", "no_such_module"], "no_such_module"),
        (["--twins", "json"], "lacks devices, versions, evaluate, train"),
        (["--device", "tpu"], "all twins see cpu"),
        (["--batch-size", "101"], "batch_size is 101"),
        (["--dtype", "float16", "--step-size", "1e9"], "too large for float16"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_explained(tmp_path, table, arguments, words, capsys):
    arguments = [table if argument == "TABLE" else argument for argument in arguments]
    status, report = run(tmp_path, *arguments)
    assert status == 2
    assert words in capsys.readouterr().err
    assert report == {}


def test_a_file_in_the_place_of_the_folder_is_seen_before_anything_runs(tmp_path, table, capsys):
    assert main(["--out", table]) == 2
    assert "a file; give a folder" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--steps", "0"], ["--step-size", "nan"], ["--l2", "-1"], ["--dtype", "int8"]])
def test_impossible_options_are_refused(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(option)
    assert option[0] in capsys.readouterr().err


def test_a_report_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch, capsys):
    run(tmp_path, *QUICK)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.setattr("logreg_parity.judge.figures.difference", lambda comparison: 1 / 0)
    assert run(tmp_path, *QUICK)[0] == 70  # a fault of ours is not dressed up as bad input
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said and "a fault of logreg-parity and not of your input. Please report" in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_help_names_every_option_status_and_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    words = {word.strip(",[]") for word in capsys.readouterr().out.split()}
    assert words >= {"--data", "--label", "--steps", "--step-size", "--reduction", "--dtype", "--device", "--twins"}
    assert words >= {"--out", "status:", *COMMANDS}


def test_an_unknown_command_is_refused_with_those_there_are(capsys):
    assert main(["comprae"]) == 2
    assert "there is no command 'comprae'; give compare" in capsys.readouterr().err


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "logreg_parity", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("logreg-parity ")


def test_every_engine_is_judged_apart(tmp_path, capsys):
    status, report = run(tmp_path, "--engine", "fast", "eager", "--twins", "logreg_jax", *QUICK)
    assert status == 0
    used = {name: versions["engine"] for name, versions in report["versions"].items()}
    assert used == {"logreg_jax fast": "fast", "logreg_jax eager": "eager"}


def test_a_trace_says_which_engine_took_its_steps(tmp_path, capsys):
    arguments = [
        "record",
        "--twin",
        "logreg_torch",
        "--engine",
        "fast",
        "--steps",
        "5",
        "--out",
        str(tmp_path / "a.npz"),
    ]
    assert main(arguments) == 0
    assert Trace.load(tmp_path / "a.npz").ran.versions["engine"] == "fast"


def test_a_twin_without_engines_is_not_asked_for_one(tmp_path, capsys):
    status, _ = run(tmp_path, "--twins", "logreg_parity.truth.reference", "--engine", "fast", *QUICK)
    assert status == 2
    assert "logreg_parity.truth.reference.train takes no engine; leave the engine out" in capsys.readouterr().err
