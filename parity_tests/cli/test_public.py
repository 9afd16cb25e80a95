"""Every public name called with what is wrong in each of its arguments: an answer, or an error that is documented."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
import torch

import logreg_jax.softmax
import logreg_parity
import logreg_parity.data.certified
import logreg_torch.softmax
from logreg_parity import Dataset, Parameters, gaussian
from logreg_parity.truth import reference
from logreg_parity.twins import Setting

DATA, START = gaussian(12, 2), Parameters(np.array([0.5, -1.0]), 0.25)
WRONG = {
    "nothing": None,
    "a text": "text",
    "an empty text": "",
    "bytes": b"bytes",
    "minus one": -1,
    "a fraction": 0.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "a huge number": 2**70,
    "True": True,
    "a complex number": 1j,
    "an empty list": [],
    "a list of lists": [[1.0], [2.0, 3.0]],
    "a dict": {"a": 1},
    "texts in an array": np.array(["a", "b"]),
    "masked": np.ma.masked_array([1.0, 2.0], [False, True]),
    "an object": object(),
    "a function": lambda *given, **words: None,
}


def plain_loss(params, batch):
    return (batch["x"] @ params["weight"].T + params["bias"]).mean()


def mean(model, batch):
    return model(batch["x"]).mean()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "mine.csv"
    path.write_text("x,n,y\n1,1,0\n2,1,1\n3,2,0\n")
    return path


def of_classes(run, fit):
    """The same of three classes, and what there is for two only left out."""
    data = logreg_parity.MulticlassDataset(DATA.X, np.arange(12) % 3, "twelve rows")
    start = Parameters(np.zeros((3, 2)), np.zeros(3))
    options = {name: fit[name] for name in fit if name not in ("kernel", "checkpoint", "ranks", "keep")}
    table = {"level": 0.9, "profile": False, "fit": None, "dtype": "float64", "device": "cpu", "intercept": True}
    return {
        "train": {**run, "dataset": data, "start": start},
        "fit": {**options, "dataset": data, "identified": "1", "max_iterations": 9},
        "infer": {**table, "dataset": data, "identified": "1"},
    }


def calls(table) -> dict[str, tuple]:
    """A function, and arguments with which it is right."""
    run = {"dataset": DATA, "start": START, "steps": 2, "learning_rate": 0.1, "momentum": 0.5, "nesterov": True}
    run |= {"batches": [np.array([0, 1])] * 2, "record": "after", "keep": [1], "l2": 0.1, "reduction": "mean"}
    run |= {"dtype": "float64", "device": "cpu"}
    point = {"dataset": DATA, "parameters": START, "l2": 0.1, "reduction": "sum", "dtype": "float64", "device": "cpu"}
    fit = {"dataset": DATA, "l2": 0.1, "reduction": "mean", "solver": "newton", "tolerance": 1e-3, "max_iterations": 5}
    fit |= {"dtype": "float64", "device": "cpu", "intercept": True, "kernel": "auto", "checkpoint": None, "digits": 3}
    fit |= {"ranks": None, "keep": 0.0}
    check = {"first": torch.nn.Linear(3, 1), "second": plain_loss, "batch": {"x": np.ones((2, 3))}}
    check |= {"params": {"weight": "weight", "bias": "bias"}, "torch_loss": mean, "jax_params": None}
    check |= {"steps": 1, "learning_rate": 0.125, "samples": 4, "seed": 0, "device": "cpu", "exact": True, "say": print}
    weights = {"sample_weight": np.ones(2), "true_parameters": Parameters(np.ones(3), 0.0)}
    setting = {
        name: run[name] for name in ("steps", "learning_rate", "momentum", "nesterov", "record", "l2", "reduction")
    }
    lesson = {"n_points": 9, "w": 2.0, "b": 1.0, "noise": "uniform", "noise_level": 1.0, "labels": "rounded", "seed": 0}
    normal = {"n_rows": 9, "n_features": 2, "correlation": 0.5, "scale": 1.0, "class_balance": 0.5}
    dataset = {"X": np.ones((2, 3)), "y": [0, 1], "source": "two rows", "feature_names": ("a", "b", "c")}
    evaluation = dict.fromkeys(logreg_parity.Evaluation._fields, np.ones(1))
    history = {"losses": np.ones(1), "record": "after", "steps": np.arange(2), "weights": np.ones((2, 1))}
    return {
        "Dataset": (Dataset, {**dataset, "class_names": ("0", "1"), **weights}),
        "MulticlassDataset": (
            logreg_parity.MulticlassDataset,
            {**dataset, "class_names": ("0", "1"), "sample_weight": np.ones(2)},
        ),
        "Evaluation": (logreg_parity.Evaluation, evaluation),
        "History": (logreg_parity.History, {**history, "biases": np.ones(2), "stop_reason": None, "engine": "eager"}),
        "ForeignProgram": (logreg_parity.ForeignProgram, {f.name: None for f in fields(logreg_parity.ForeignProgram)}),
        "Parameters": (Parameters, START._asdict()),
        "Setting": (Setting, {**setting, "batch_size": 3, "seed": 0, "loss": "stable"}),
        "Certified": (logreg_parity.Certified, {f.name: None for f in fields(logreg_parity.Certified)}),
        "certified": (logreg_parity.certified, {"name": logreg_parity.data.certified.certified_names()[0]}),
        "check": (logreg_parity.check, check),
        "gaussian": (gaussian, {**normal, "labels": "bernoulli", "seed": 0}),
        "grade": (
            logreg_parity.grade,
            {"exercise": "logistic", "function": reference.sigmoid, "lang": "en", "quiet": True},
        ),
        "initial_parameters": (logreg_parity.initial_parameters, {"n_features": 2, "seed": 0}),
        "lesson": (logreg_parity.lesson, lesson),
        "lesson_datasets": (logreg_parity.lesson_datasets, {}),
        "load_table": (logreg_parity.load_table, {"path": table, "label": "y", "weight": "n", "positive": 1}),
        "load_classes": (logreg_parity.load_classes, {"path": table, "label": "y", "weight": "n"}),
        "published_2021": (logreg_parity.published_2021, {}),
        **{
            f"{twin.__name__}.{name}": (getattr(twin, name), words)
            for twin in (logreg_torch, logreg_jax)
            for name, words in {
                "devices": {},
                "versions": {},
                "evaluate": {**point, "loss": "stable", "engine": "eager"},
                "fit": fit,
                "infer": {"dataset": gaussian(60, 2), "level": 0.9, "profile": False, "fit": None},
                "train": {**run, "loss": "stable", "engine": "eager", "ranks": None},
            }.items()
        },
        **{
            f"{twin.__name__}.softmax.{name}": (getattr(twin.softmax, name), words)
            for twin in (logreg_torch, logreg_jax)
            for name, words in of_classes(run, fit).items()
        },
    }


NAMES = list(calls("mine.csv"))


def test_every_public_name_and_argument_is_called(table):
    made = calls(table)
    public = {name for name in logreg_parity.__all__ if name != "__version__"}
    for twin in (logreg_torch, logreg_jax):
        public |= {
            f"{twin.__name__}.{name}"
            for name in twin.__all__
            if inspect.isfunction(getattr(twin, name)) or name in ("fit", "infer")
        }
        public |= {f"{twin.__name__}.softmax.{name}" for name in ("fit", "infer", "train")}
    assert public == made.keys()
    for name, (function, words) in made.items():
        taken = inspect.signature(function).parameters.values()
        assert {given.name for given in taken if given.kind is not given.VAR_KEYWORD} == set(words), name


@pytest.mark.parametrize("name", [n for n in NAMES if n != "check"])
def test_with_right_arguments_it_answers(table, name):
    function, words = calls(table)[name]
    function(**words)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n == "check" else []) for n in NAMES])
def test_a_wrong_argument_is_refused_in_words_or_taken(table, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a text is a file's name too
    function, words = calls(table)[name]
    crashed = []
    for argument in words:
        for kind, value in WRONG.items():
            try:
                function(**{**words, argument: value})
            except (ValueError, OSError) as error:
                if not str(error).strip():
                    crashed.append(f"{argument}={kind}: no words")
            except Exception as error:
                crashed.append(f"{argument}={kind}: {type(error).__name__}: {str(error)[:60]}")
    assert crashed == []
