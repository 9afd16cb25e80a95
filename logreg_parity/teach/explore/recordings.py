"""The runs of PyTorch and of JAX that the page can lay over its own.

``python -m logreg_parity.teach.explore.recordings`` makes the file. It is made once and shipped, so that the page is
there at once and shows what the frameworks did, with their versions, on whatever machine it is opened.
"""

import base64
import json
from typing import Any

import numpy as np

from ...data.dataset import Dataset, Parameters
from ...data.files import write_whole
from ...data.generator import PUBLISHED_START, lesson, plane
from ...truth.ulp import round_dataset, round_parameters, round_to
from ...twins import load_twin
from .page import WEB

FILE = WEB / "recordings.json"
TWINS = {"torch": "logreg_torch", "jax": "logreg_jax"}
_PUBLISHED = {"reduction": "sum", "lr": 1e-4, "w": float(PUBLISHED_START.weight[0]), "b": float(PUBLISHED_START.bias)}
RUNS: tuple[tuple[dict[str, Any], int], ...] = (  # a setting of the page, where it differs from the page's own; steps
    ({}, 1000),
    (_PUBLISHED, 5000),
    ({**_PUBLISHED, "precision": "float64"}, 1000),
    ({**_PUBLISHED, "form": "textbook", "w": 2.9, "b": 1.75, "lr": 0.01}, 100),
    ({"data": "bernoulli"}, 1000),
    ({"data": "bernoulli", "precision": "float64"}, 1000),
    ({"data": "bernoulli", "w": 4.0, "b": -4.0, "lr": 60.0}, 200),
    ({"seed": 3, "l2": 0.01}, 1000),
    ({"data": "plane", "lr": 0.3}, 500),
)


def made_dataset(setting: dict[str, Any]) -> Dataset:
    """The data set of a setting of the page, by the generator."""
    seed, labels = setting.get("seed", 0), setting.get("data", "lesson")
    if labels == "plane":
        return plane(seed=seed)
    return lesson(labels="rounded" if labels == "lesson" else labels, seed=seed)


def run(setting: dict[str, Any], steps: int, name: str) -> np.ndarray:
    """The points (T + 1, D + 1) of a twin's run, as far as they are finite, in the precision of the setting."""
    dtype = setting.get("precision", "float32")
    dataset = round_dataset(made_dataset(setting), dtype)
    form: dict[str, Any] = {"loss": "textbook"} if setting.get("form") == "textbook" else {}
    weight = np.zeros(dataset.n_features) + setting.get("w", 0.0)
    history = load_twin(name).train(
        dataset,
        round_parameters(Parameters(weight, setting.get("b", 0.0)), dtype),
        steps=steps,
        keep=range(steps + 1),
        learning_rate=float(round_to(setting.get("lr", 0.5), dtype)),
        l2=float(round_to(setting.get("l2", 0.0), dtype)),
        reduction=setting.get("reduction", "mean"),
        dtype=dtype,
        **form,
    )
    points = np.column_stack([history.weights, history.biases]).astype(dtype)
    return points[np.isfinite(points).all(axis=1)]


def recordings() -> list[dict[str, Any]]:
    """All runs: setting, versions, and the points of each twin as base64 of little-endian numbers."""
    versions = {name: load_twin(module).versions()[name].split("+")[0] for name, module in TWINS.items()}
    return [
        {"setting": setting, "versions": versions} | {name: _text(run(setting, steps, TWINS[name])) for name in TWINS}
        for setting, steps in RUNS
    ]


def _text(points: np.ndarray) -> str:
    return base64.b64encode(points.astype(points.dtype.newbyteorder("<")).tobytes()).decode()


if __name__ == "__main__":
    write_whole(FILE, json.dumps(recordings(), separators=(",", ":")) + "\n")
