"""A folder of shards is the stream that it was written from, and every damage to it is refused by name."""

import json

import numpy as np
import pytest

from logreg_parity.cli import main
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers.shards import open_shards, write_shards
from logreg_parity.solvers.stream import Stream, open_stream

DATASET = gaussian(1000, 3, seed=1)
ROWS = 150  # 7 shards, the last of 100 rows


@pytest.fixture
def whole():
    return Stream(DATASET.X.astype(np.float32), DATASET.y, "in memory", ROWS)


@pytest.fixture
def folder(whole, tmp_path):
    write_shards(whole, tmp_path / "shards")
    return tmp_path / "shards"


def test_shards_are_the_stream_that_they_were_written_from(whole, folder, twin):
    read = open_shards(folder)
    assert read.identity == whole.identity
    for first, last in ((0, 1), (149, 151), (140, 460), (900, 1000), (0, 1000)):
        assert np.array_equal(read.X[first:last], whole.X[first:last]), (first, last)
        assert np.array_equal(read.y[first:last], whole.y[first:last])
    one, many = (twin.fit(rows, l2=1e-3, dtype="float32") for rows in (whole, read))
    assert np.append(*one.parameters).tobytes() == np.append(*many.parameters).tobytes()


def test_the_command_writes_what_a_fit_reads(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", DATASET.X)
    np.save("y.npy", DATASET.y)
    assert main(["shard", "X.npy", "y.npy", "--rows", "400", "--out", "shards"]) == 0
    assert capsys.readouterr().out == "Written: shards, 3 shards of 400 rows and the manifest\n"
    assert open_shards("shards").digests == [] and len(list(open_shards("shards"))) == 3
    assert main(["fit", "--stream", "shards", "--twins", "logreg_torch", "--solver", "newton"]) == 0
    assert main(["shard", "X.npy", "y.npy", "--out", "shards"]) == 2
    assert "shards has shards already; name another folder, or delete it" in capsys.readouterr().err
    assert main(["fit", "--stream", "."]) == 2
    assert "has no manifest.json: it is no folder of shards" in capsys.readouterr().err


def changed(name, change):
    def damage(folder):
        array = np.load(folder / name)
        np.save(folder / name, change(array))

    return damage


def bit_flipped(folder):
    content = bytearray((folder / "X-00003.npy").read_bytes())
    content[-5] ^= 1
    (folder / "X-00003.npy").write_bytes(content)


def swapped(one, other):
    def damage(folder):
        (folder / one).rename(folder / "kept")
        (folder / other).rename(folder / one)
        (folder / "kept").rename(folder / other)

    return damage


def copied(folder):
    (folder / "X-00004.npy").write_bytes((folder / "X-00003.npy").read_bytes())


def manifest(change):
    def damage(folder):
        content = json.loads((folder / "manifest.json").read_text())
        change(content)
        (folder / "manifest.json").write_text(json.dumps(content))

    return damage


DAMAGES = {
    "short": (changed("X-00002.npy", lambda X: X[:-1]), r"X-00002.npy holds \(149, 3\) float32, where .* \(150, 3\)"),
    "another width": (changed("X-00002.npy", lambda X: X[:, :2]), r"X-00002.npy holds \(150, 2\) float32"),
    "another dtype": (changed("X-00002.npy", np.float64), r"X-00002.npy holds \(150, 3\) float64"),
    "labels short": (changed("y-00006.npy", lambda y: y[:-1]), r"y-00006.npy holds \(99,\) float64"),
    "truncated": (lambda f: (f / "X-00002.npy").write_bytes((f / "X-00002.npy").read_bytes()[:-4]), "write the whole"),
    "no array": (lambda f: (f / "X-00002.npy").write_bytes(b"none"), "X-00002.npy is no .npy array"),
    "a bit": (bit_flipped, "rows 450 to 599 of .* are not what the manifest says; write the shards again"),
    "swapped": (swapped("X-00001.npy", "X-00002.npy"), "rows 150 to 299 of .* are not what the manifest says"),
    "labels swapped": (swapped("y-00001.npy", "y-00002.npy"), "rows 150 to 299 of .* are not what the manifest says"),
    "a copy": (copied, "rows 600 to 749 of .* are not what the manifest says"),
    "listed twice": (manifest(lambda c: c["shards"].insert(1, c["shards"][0])), "shard 1 is X-00000.npy"),
    "listed in another order": (manifest(lambda c: c["shards"].reverse()), "shard 0 is X-00006.npy"),
    "not listed": (manifest(lambda c: c["shards"].pop()), "the shards have 900 rows, and 1000 are counted"),
    "unequal": (manifest(lambda c: c["shards"][1].update(rows=151)), "shard 1 has 151 rows, wanted 150"),
    "no digest": (manifest(lambda c: c["shards"][1].pop("digest")), "shard 1 has the digest ''"),
    "another version": (manifest(lambda c: c.update(version=2)), "no manifest of shards .*'version': 2"),
    "half a manifest": (lambda f: (f / "manifest.json").write_text("{"), "manifest.json is no manifest of shards"),
    "a list": (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json is no manifest of shards"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named(folder, name):
    damage, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(ValueError, match=words):
        list(open_shards(folder))


def test_a_shard_that_is_missing_is_named(folder):
    (folder / "y-00005.npy").unlink()
    with pytest.raises(FileNotFoundError) as error:
        open_shards(folder)
    assert error.value.filename.endswith("y-00005.npy")


def test_writing_that_was_cut_short_leaves_no_manifest(tmp_path):
    X = np.array(DATASET.X)
    X[900, 0] = np.inf
    with pytest.raises(ValueError, match="row 900 of X is not finite"):
        write_shards(Stream(X, DATASET.y, "in memory", ROWS), tmp_path / "shards")
    with pytest.raises(ValueError, match="was not written to its end"):
        open_shards(tmp_path / "shards")


def test_one_class_in_a_shard_is_no_fault_and_in_all_of_them_is(twin, tmp_path):
    order = np.argsort(DATASET.y, kind="stable")
    write_shards(Stream(DATASET.X[order], DATASET.y[order], "sorted", ROWS), tmp_path / "sorted")
    write_shards(Stream(DATASET.X, np.zeros(1000), "one class", ROWS), tmp_path / "one")
    assert twin.fit(open_shards(tmp_path / "sorted"), l2=1e-3).status == "converged"
    assert twin.fit(open_shards(tmp_path / "one"), l2=1e-3).status == "no finite optimum"


def test_a_checkpoint_of_the_files_goes_on_from_the_shards(twin, folder, tmp_path):
    kept = {"checkpoint": tmp_path / "state.npz"}
    np.save(tmp_path / "X.npy", DATASET.X.astype(np.float32))
    np.save(tmp_path / "y.npy", DATASET.y)
    files = open_stream(tmp_path / "X.npy", tmp_path / "y.npy", rows_per_block=ROWS)
    whole, first = twin.fit(files, l2=1e-3, solver="newton"), twin.fit(files, l2=1e-3, **kept, max_iterations=2)
    second = twin.fit(open_shards(folder), l2=1e-3, **kept)
    assert first.status == "not converged" and first.iterations == 2 < second.iterations == whole.iterations
    assert np.append(*second.parameters).tobytes() == np.append(*whole.parameters).tobytes()
