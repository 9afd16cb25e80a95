"""Two thousand damaged files of every kind: each is read and right, or refused in words."""

import csv
import io
import json

import numpy as np
import pytest

from logreg_parity.data.tables import load_table
from logreg_parity.explain.trace import ARRAYS, Trace, record
from logreg_parity.museum.by_hand import ByHand
from logreg_parity.ports.files import read_batch, read_params
from logreg_parity.ports.mapping import read_layout
from logreg_parity.truth import reference
from logreg_parity.twins import Setting
from parity_tests.cases import CASES
from parity_tests.mutations import KINDS, mutated, survey

COUNT = 2000


def as_npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


TABLE = "x,dose,y\n1,0.5,0\n-2.5e3,1.25,1\n.5,7,1\n1e-3,-8,0\n"


def reads_as(dataset, content: bytes) -> bool:
    """Every cell of the text as Python's float has it, in its row and column; the larger label is 1."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator(content))
    y = [row[header.index("y")] for row in rows]
    X = [[float(cell) for name, cell in zip(header, row, strict=True) if name != "y"] for row in rows]
    try:
        y = [float(cell) for cell in y]
    except ValueError:  # labels may be texts
        y = list(y)
    one = max(y)
    names = tuple(name for name in header if name != "y")
    same = dataset.X.tolist() == X and dataset.y.tolist() == [label == one for label in y]
    return same and dataset.feature_names == names


def separator(content: bytes) -> str:
    header = content.decode("utf-8-sig").splitlines()[0]
    return "," if "," in header else ";" if ";" in header else ","


def test_a_damaged_csv(tmp_path):
    counts = survey(
        tmp_path / "mine.csv", TABLE.encode(), lambda path: load_table(path, "y"), reads_as, count=COUNT, seed=1
    )
    assert min(counts.values()) > COUNT // 20, counts  # a digit changed is another table, and right


BATCH = {
    "x": np.arange(6.0).reshape(2, 3) / 7,
    "y": np.array([0, 1]),
    "mask": np.array([True, False]),
    "scale": np.float32(0.1),
}


def test_a_damaged_batch(tmp_path):
    def right(found, content):
        return found.keys() == BATCH.keys() and all(
            found[name].dtype == np.asarray(BATCH[name]).dtype and np.array_equal(found[name], BATCH[name])
            for name in BATCH
        )

    counts = survey(tmp_path / "batch.npz", as_npz(**BATCH), read_batch, right, count=COUNT, seed=2)
    assert counts["refused"] > COUNT // 2, counts


@pytest.mark.parametrize(("case", "batch_size"), [("weighted", 25), ("one-row", None)])
def test_a_damaged_trace(tmp_path, case, batch_size):
    setting = Setting(steps=3, learning_rate=2.0**-6, batch_size=batch_size)
    twin = reference if case == "weighted" else ByHand()
    whole = record("it", twin, *CASES[case], setting, dtype="float64")
    whole.save(tmp_path / "whole.npz")
    content = (tmp_path / "whole.npz").read_bytes()

    def right(found, spoiled):
        arrays = all(np.array_equal(getattr(found, name), getattr(whole, name), equal_nan=True) for name in ARRAYS)
        plain = ("ran", "setting", "source", "sha256", "stop_reason")
        same = all(getattr(found, name) == getattr(whole, name) for name in plain)
        return arrays and same and found.dataset.sha256 == whole.dataset.sha256

    counts = survey(tmp_path / "run.npz", content, Trace.load, right, count=COUNT // 2, seed=3)
    assert counts["refused"] > COUNT // 4, counts


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_a_damaged_npz_table(tmp_path, save):
    whole, file = (
        {"x": np.array([[1, 2], [0.5, -8]]), "n": np.array([3, 1]), "y": np.array(["no", "yes"])},
        io.BytesIO(),
    )
    save(file, **whole)

    def right(found, content):
        same = found.X.tolist() == whole["x"].tolist() and found.y.tolist() == [0, 1]
        return same and found.sample_weight.tolist() == [3, 1] and found.feature_names == ("x1", "x2")

    def read(path):
        return load_table(path, "y", weight="n")

    counts = survey(tmp_path / "mine.npz", file.getvalue(), read, right, count=COUNT // 2, seed=6)
    assert counts["refused"] > COUNT // 4, counts


MAPPING = {"weight": {"path": "w", "transpose": True}, "bias": "b"}
POINT = {"weight": np.arange(6.0).reshape(2, 3), "bias": np.ones(2)}


def test_a_damaged_mapping(tmp_path):
    """Its own JSON says what is right: what is read is that, or it is refused where the places do not fit."""

    def read(path):
        params = read_params(path)
        return params, read_layout(params, POINT)

    def right(found, content):
        params, layout = found
        return params == json.loads(content) and set(layout.places) == set(POINT)

    content = json.dumps(MAPPING).encode()
    counts = survey(tmp_path / "map.json", content, read, right, count=COUNT // 4, seed=4)
    assert counts["refused"] > COUNT // 8, counts


def test_damage_is_the_same_every_time_and_of_every_kind():
    one, two = (list(mutated(TABLE.encode(), 200, 5)) for _ in range(2))
    assert one == two and {name for name, _ in one} == set(KINDS)
    assert all(content != TABLE.encode() for _, content in one)


def test_a_reader_that_guesses_is_seen(tmp_path):
    """One that takes what cannot be read for 0, and one that crashes."""

    def guess(path):
        try:
            return load_table(path, "y")
        except ValueError:
            return load_table(whole, "y")

    whole = tmp_path / "whole.csv"
    whole.write_text(TABLE)
    for read, words in ((guess, "read without a word"), (lambda path: {}["x"], "the reader crashes")):
        with pytest.raises((AssertionError, UnicodeDecodeError, ValueError, csv.Error), match=words):
            survey(tmp_path / "mine.csv", TABLE.encode(), read, lambda found, content: False, count=50, seed=1)
