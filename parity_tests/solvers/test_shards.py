"""A folder of shards is the stream that it was written from, and every damage to it is refused by name."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from logreg_parity.cli import main
from logreg_parity.data.generator import gaussian
from logreg_parity.solvers import shards
from logreg_parity.solvers.shards import KINDS, open_shards, write_shards
from logreg_parity.solvers.stream import Stream, open_stream

DATASET = gaussian(1000, 3, seed=1)
ROWS = 150  # 7 shards, the last of 100 rows


@pytest.fixture
def whole():
    return Stream(DATASET.X.astype(np.float32), DATASET.y, "in memory", ROWS)


@pytest.fixture(params=KINDS)
def folder(request, whole, tmp_path):
    write_shards(whole, tmp_path / "shards", request.param)
    return tmp_path / "shards"


@pytest.fixture
def arrays(whole, tmp_path):
    """Shards of two arrays each."""
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint64", "bool"])
def test_numbers_of_every_type_come_back_in_it(tmp_path, kind, dtype):
    X, y = np.abs(100 * DATASET.X).astype(dtype), DATASET.y.astype("bool")
    write_shards(Stream(X, y, "in memory", ROWS), tmp_path / "shards", kind)
    read = open_shards(tmp_path / "shards")
    assert (read.X.dtype, read.y.dtype) == (np.dtype(dtype), np.dtype(bool))
    assert np.array_equal(read.X[:], X) and np.array_equal(read.y[:], y) and len(list(read)) == 7


def test_the_command_writes_what_a_fit_reads(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", DATASET.X)
    np.save("y.npy", DATASET.y)
    for kind, count in {"npy": 6, "npz": 3, "parquet": 3}.items():
        assert main(["shard", "X.npy", "y.npy", "--rows", "400", "--format", kind, "--out", kind]) == 0
        assert capsys.readouterr().out == f"Written: {kind}, 3 shards of 400 rows and the manifest\n"
        assert len(list(Path(kind).glob(f"*.{kind}"))) == count
        assert open_shards(kind).digests == [] and len(list(open_shards(kind))) == 3
    assert main(["fit", "--stream", "parquet", "--twins", "logreg_torch", "--solver", "newton"]) == 0
    assert main(["shard", "X.npy", "y.npy", "--out", "npy"]) == 2
    assert "npy has shards already; name another folder, or delete it" in capsys.readouterr().err
    assert main(["fit", "--stream", "."]) == 2
    assert "has no manifest.json: it is no folder of shards" in capsys.readouterr().err


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Two files whose row groups begin where no shard does, and X and y as they hold them."""
    monkeypatch.chdir(tmp_path)
    columns = {"a": DATASET.X[:, 0].astype("float32"), "sold": DATASET.y.astype("int8"), "b": DATASET.X[:, 1]}
    table = pyarrow.table(columns | {"c": DATASET.X[:, 2] > 0})
    for name, part in {"one.parquet": table[:620], "two.parquet": table[620:]}.items():
        pyarrow.parquet.write_table(part, name, row_group_size=170)
    return np.column_stack([table[name] for name in "abc"]), np.asarray(table["sold"])


def test_tables_become_shards_and_shards_are_cut_anew(tables):
    assert main(["shard", "one.parquet", "two.parquet", "--label", "sold", "--rows", "150", "--out", "first"]) == 0
    assert main(["shard", "first", "--rows", "400", "--format", "npz", "--out", "again"]) == 0
    for folder in ("first", "again"):
        read = open_shards(folder)
        assert np.array_equal(read.X[:], tables[0]) and np.array_equal(read.y[:], tables[1]), folder
        assert (read.X.dtype, read.y.dtype) == (np.float64, np.int8)


@pytest.mark.usefixtures("tables")
def test_what_is_no_rows_for_shards_is_said(capsys):
    one = pyarrow.parquet.read_table("one.parquet")
    pyarrow.parquet.write_table(one.set_column(2, "b", pyarrow.array(["x"] * 620)), "text.parquet")
    pyarrow.parquet.write_table(one.set_column(2, "b", pyarrow.array([1.0, None] * 310)), "hole.parquet")
    pyarrow.parquet.write_table(one.drop_columns("b"), "few.parquet")
    pyarrow.parquet.write_table(one.append_column("a", one["a"]), "twice.parquet")
    assert main(["shard", "one.parquet", "--label", "sold", "--rows", "150", "--out", "first"]) == 0
    bit_flipped("X-00001.npy")(Path("first"))
    for files, words in {
        "one.parquet": "one.parquet has columns ['a', 'sold', 'b', 'c']; give each its own name, one is 'y', the label",
        "twice.parquet --label sold": "give each its own name",
        "text.parquet --label sold": "text.parquet holds string in column 'b'; give numbers, or drop the column",
        "hole.parquet --label sold": "row 1 of hole.parquet has no b; drop the row or fill it in",
        "one.parquet few.parquet --label sold": "few.parquet has columns ['a', 'sold', 'c'], and one.parquet",
        "one.parquet X.npy": "one.parquet X.npy came; give X.npy y.npy, one .npz, .parquet tables, or one folder",
        "X.npy y.npy --label sold": "--label sold is a column of .parquet tables; give those alone, or leave it out",
        "first --rows 400": "rows 150 to 299 of first are not what the manifest says",
    }.items():
        assert main(["shard", *files.split(), "--out", "new"]) == 2
        assert words in " ".join(capsys.readouterr().err.split()), files
    assert main(["fit", "--stream", "one.parquet", "y.npy"]) == 2
    assert "write it as shards with logreg-parity shard" in " ".join(capsys.readouterr().err.split())


def test_parquet_without_its_reader_is_refused(tmp_path, whole, monkeypatch):
    write_shards(whole, tmp_path / "there", "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for call in (lambda: write_shards(whole, tmp_path / "new", "parquet"), lambda: open_shards(tmp_path / "there")):
        with pytest.raises(ValueError, match="Parquet is read by pyarrow, which is missing; pip install pyarrow"):
            call()


def changed(name, change):
    def damage(folder):
        array = np.load(folder / name)
        np.save(folder / name, change(array))

    return damage


def bit_flipped(name):
    def damage(folder):
        content = bytearray((folder / name).read_bytes())
        content[-5] ^= 1
        (folder / name).write_bytes(content)

    return damage


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
    "a bit": (bit_flipped("X-00003.npy"), "rows 450 to 599 of .* are not what the manifest says; write the shards"),
    "swapped": (swapped("X-00001.npy", "X-00002.npy"), "rows 150 to 299 of .* are not what the manifest says"),
    "labels swapped": (swapped("y-00001.npy", "y-00002.npy"), "rows 150 to 299 of .* are not what the manifest says"),
    "a copy": (copied, "rows 600 to 749 of .* are not what the manifest says"),
    "listed twice": (manifest(lambda c: c["shards"].insert(1, c["shards"][0])), "shard 1 is X-00000.npy"),
    "listed in another order": (manifest(lambda c: c["shards"].reverse()), "shard 0 is X-00006.npy"),
    "not listed": (manifest(lambda c: c["shards"].pop()), "the shards have 900 rows, and 1000 are counted"),
    "unequal": (manifest(lambda c: c["shards"][1].update(rows=151)), "shard 1 has 151 rows, wanted 150"),
    "no digest": (manifest(lambda c: c["shards"][1].pop("digest")), "shard 1 has the digest ''"),
    "another number of features": (manifest(lambda c: c.update(features=2)), r"X-00000.npy holds \(150, 3\) float32"),
    "no number of features": (manifest(lambda c: c.update(features="3")), "it has '3' features"),
    "another kind": (manifest(lambda c: c.update(kind="npz")), "shard 0 is X-00000.npy"),
    "no kind": (manifest(lambda c: c.update(kind="csv")), "no manifest of shards .*csv"),
    "another version": (manifest(lambda c: c.update(version=2)), "no manifest of shards .*'version': 2"),
    "half a manifest": (lambda f: (f / "manifest.json").write_text("{"), "manifest.json is no manifest of shards"),
    "a list": (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json is no manifest of shards"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named(arrays, name):
    damage, words = DAMAGES[name]
    damage(arrays)
    with pytest.raises(ValueError, match=words):
        list(open_shards(arrays))


def rewritten(change):
    """A shard that is written again, of other rows."""

    def damage(path):
        X, y = DATASET.X[300:450].astype(np.float32), DATASET.y[300:450]
        files = shards._files([path.name] * 2, dict(zip("Xy", change(X, y), strict=True)))
        path.write_bytes(files[path.name])

    return damage


def in_the_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


OF_ONE_FILE = {
    "short": (
        rewritten(lambda X, y: (X[:-1], y[:-1])),
        r"rows-00002.\w+ holds \(149, 3\) float32, .* \(150, 3\)",
    ),
    "another width": (
        rewritten(lambda X, y: (X[:, :2], y)),
        r"-00002.\w+ (holds \(150, 2\)|has columns \['x1', 'x2')",
    ),
    "another dtype": (rewritten(lambda X, y: (np.float64(X), y)), r"rows-00002.\w+ holds \(150, 3\) float64"),
    "another number": (rewritten(lambda X, y: (X, 1 - y)), "rows 300 to 449 of .* are not what the manifest says"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-40]), "rows-00002.* is no (.npz archive|Parquet)"),
    "half": (lambda path: path.write_bytes(path.read_bytes()[:900]), "rows-00002.* is no (.npz archive|Parquet)"),
    "nothing": (lambda path: path.write_bytes(b""), "rows-00002.* is no (.npz archive|Parquet)"),
    "a bit": (in_the_middle, "rows 300 to 449 of .* are not what|rows-00002.* is no Parquet file .*CRC"),
    "swapped": (
        lambda path: swapped(path.name, path.name.replace("2", "1"))(path.parent),
        "rows 150 to 299 of .* are not what the manifest says",
    ),
    "a copy": (
        lambda path: path.write_bytes(path.with_name(path.name.replace("2", "3")).read_bytes()),
        "rows 300 to 449 of .* are not what the manifest says",
    ),
}


@pytest.mark.parametrize("kind", ["npz", "parquet"])
@pytest.mark.parametrize("name", OF_ONE_FILE)
def test_damage_to_a_shard_of_one_file_is_named(whole, tmp_path, kind, name):
    damage, words = OF_ONE_FILE[name]
    write_shards(whole, tmp_path, kind)
    damage(tmp_path / f"rows-00002.{kind}")
    with pytest.raises(ValueError, match=words):
        list(open_shards(tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_no_bit_of_a_shard_can_flip_and_change_a_row(whole, tmp_path, kind):
    """Wherever it is: the shard is refused by a ValueError, or what flipped says nothing of the rows."""
    write_shards(whole, tmp_path, kind)
    path = tmp_path / KINDS[kind][0].format(4)
    content, refused = path.read_bytes(), 0
    rows = [array.tobytes() for array in whole.block(4)]
    for place in range(0, len(content), 29):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert [array.tobytes() for array in open_shards(tmp_path).block(4)] == rows, place
        except ValueError:
            refused += 1
    assert refused > 40


def test_columns_that_are_no_rows_are_refused(whole, tmp_path):
    write_shards(whole, tmp_path, "parquet")
    table = pyarrow.parquet.read_table(tmp_path / "rows-00002.parquet")
    texts = pyarrow.array(["one"] * 150)
    for columns, words in {
        "text": (table.set_column(1, "x2", texts), r"holds .*string.* in X, wanted numbers of one type"),
        "two types": (table.set_column(1, "x2", table["x2"].cast("float64")), "holds .*float64.* in X, wanted"),
        "twice": (table.append_column("x1", table["x1"]), r"has columns \['x1', 'x2', 'x3', 'y', 'x1'\], wanted"),
        "another name": (table.rename_columns(["x1", "x2", "z", "y"]), "wanted x1 to x3 and y"),
    }.values():
        pyarrow.parquet.write_table(columns, tmp_path / "rows-00002.parquet")
        with pytest.raises(ValueError, match=words):
            open_shards(tmp_path)


def test_a_shard_that_is_missing_is_named(folder):
    gone = max(folder.glob("*-00005.*"))
    gone.unlink()
    with pytest.raises(FileNotFoundError) as error:
        open_shards(folder)
    assert error.value.filename == str(gone)


def test_writing_that_was_cut_short_leaves_no_manifest(tmp_path):
    X = np.array(DATASET.X)
    X[900, 0] = np.inf
    with pytest.raises(ValueError, match="row 900 of X is not finite"):
        write_shards(Stream(X, DATASET.y, "in memory", ROWS), tmp_path / "shards")
    with pytest.raises(ValueError, match="was not written to its end"):
        open_shards(tmp_path / "shards")


@pytest.mark.parametrize("kind", KINDS)
def test_one_class_in_a_shard_is_no_fault_and_in_all_of_them_is(twin, tmp_path, kind):
    order = np.argsort(DATASET.y, kind="stable")
    write_shards(Stream(DATASET.X[order], DATASET.y[order], "sorted", ROWS), tmp_path / "sorted", kind)
    write_shards(Stream(DATASET.X, np.zeros(1000), "one class", ROWS), tmp_path / "one", kind)
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
