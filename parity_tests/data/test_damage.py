"""Files with damage: the right numbers, or the documented error; never anything else."""

import zipfile
from io import BytesIO

import numpy as np
import pytest

from logreg_parity.data.archive import read_arrays
from logreg_parity.data.tables import load_table
from logreg_parity.solvers.checkpoint import Checkpoint
from logreg_parity.solvers.stream import open_stream

MUTATIONS = 2000
RANDOM = np.random.RandomState(18)
X, Y = RANDOM.standard_normal((40, 3)), np.arange(40) % 2.0
IDENTITY, SHAPES = {"l2": 0.5, "rows 0 to 9": "ab"}, {"theta": (3,), "counts": (2,)}


def mutations(content, seed):
    """The bytes with one to three of them changed, cut off, doubled or put in, again and again."""
    random = np.random.RandomState(seed)
    for _ in range(MUTATIONS):
        changed = bytearray(content)
        for _ in range(random.randint(1, 4)):
            place, kind = random.randint(len(changed)), random.randint(10)
            if kind < 7:
                changed[place] ^= 1 << random.randint(8)
            elif kind == 7:
                del changed[place:]
            elif kind == 8:
                changed[place:place] = changed[place : place + random.randint(1, 40)]
            else:
                changed[place] = random.randint(256)
            if not changed:
                break
        yield bytes(changed)


def stream_of(path):
    (rows,) = open_stream(path)
    return rows


def table_of(path):
    data = load_table(path, "y")
    return data.X, data.y


def state_of(path):
    state = Checkpoint(path, IDENTITY, SHAPES).load()
    return state["theta"], state["counts"]


def archive(**arrays):
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def checkpoint(path):
    Checkpoint(path, IDENTITY, SHAPES).save({"theta": X[0], "counts": Y[:2]}, now=True)
    return path.read_bytes()


KINDS = {
    "stream": (lambda path: archive(X=X, y=Y), stream_of, (X, Y)),
    "table": (lambda path: archive(X=X, y=Y), table_of, (X, Y)),
    "checkpoint": (checkpoint, state_of, (X[0], Y[:2])),
}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_never_silent(tmp_path, kind):
    make, read, wanted = KINDS[kind]
    path, refused = tmp_path / "file.npz", 0
    for changed in mutations(make(path), seed=len(kind)):
        path.write_bytes(changed)
        try:
            found = read(path)
        except ValueError:
            refused += 1
        else:
            assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert MUTATIONS / 2 < refused < MUTATIONS


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_checksums_it_would_be(tmp_path, monkeypatch, kind):
    make, read, wanted = KINDS[kind]
    path, content = tmp_path / "file.npz", make(tmp_path / "file.npz")
    monkeypatch.setattr(zipfile.ZipExtFile, "_update_crc", lambda self, data: None)
    place = content.index(np.asarray(wanted[0]).tobytes()) + 1
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert not np.array_equal(read(path)[0], wanted[0])


def test_an_array_is_read_to_its_end():
    """A header that names fewer rows, with the right checksum: NumPy reads those and says nothing."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        whole = BytesIO()
        np.save(whole, X)
        members.writestr("X.npy", whole.getvalue().replace(b"(40, 3)", b"(30, 3)"))
    with pytest.raises(ValueError, match="more bytes than its shape has room for"):
        read_arrays(file.getvalue())
