"""A user's own table is read exactly, or refused with the file, the place in it and what to do."""

import hashlib
import io
import re
import sys
import zipfile

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from logreg_parity import Dataset
from logreg_parity.data.tables import load_classes, load_table

CSV = "x,y,n\n1,0,2\n-2.5e3,1,0\n.5,1,1\n"  # a whole table; the cases change what they are about
CSV_BOTH = "y,a\n{},1\n{},2\n"


def write(folder, content, name="mine.csv"):
    """A file of these texts, bytes or arrays: .npz for a dict, .csv for the rest."""
    path = folder / ("mine.npz" if isinstance(content, dict) else name)
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def arrays(**changes):
    """The arrays of a whole NPZ table, some of them changed."""
    return {"x": np.array([1.0, -2500.0, 0.5]), "y": np.array([0, 1, 1])} | changes


def zipped(*names, at=0, byte=b"P"):
    """The bytes of a zip archive with members of these names, one byte of it changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, 20 * "a")
    content = buffer.getvalue()
    return content[:at] + byte + content[at + 1 :]


READS = {
    "csv": (CSV, {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "csv with weights": (CSV, {"weight": "n"}, [[1], [-2500], [0.5]], ("x",)),
    "byte order mark": (b"\xef\xbb\xbf" + CSV.encode(), {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "windows line ends": (CSV.replace("\n", "\r\n"), {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "no last line end": (CSV.rstrip(), {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "semicolons": (CSV.replace(",", ";"), {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "tabs": (CSV.replace(",", "\t"), {}, [[1, 2], [-2500, 0], [0.5, 1]], ("x", "n")),
    "semicolons and a quoted comma": ('"x, cm";y\n1;0\n2;1\n', {}, [[1], [2]], ("x, cm",)),
    "commas beside a semicolon": ("x;cm,y\n1,0\n2,1\n", {}, [[1], [2]], ("x;cm",)),
    "quoted comma": ('"x, cm",y\n"1",0\n2,1\n', {}, [[1], [2]], ("x, cm",)),
    "blanks around numbers": ("x,y\n 1 , 0\n2,1 \n", {}, [[1], [2]], ("x",)),
    "exponents": ("x,y\n1.5e+01,0\n-2.5E-03,1\n+1e2,1\n", {}, [[15], [-0.0025], [100]], ("x",)),
    "largest safe integer": (
        "x,y\n-9007199254740991,0\n1e300,1\n",
        {},
        [[-9007199254740991], [1e300]],
        ("x",),
    ),
    "npz": (arrays(), {}, [[1], [-2500], [0.5]], ("x",)),
    "npz with weights": (arrays(n=np.array([2, 0, 1])), {"weight": "n"}, [[1], [-2500], [0.5]], ("x",)),
    "npz of two dimensions": (
        {"y": np.array([0, 1]), "a": np.array([[1, 2, 3], [4, 5, 6]], np.int8), "b": np.array([True, False])},
        {},
        [[1, 2, 3, 1], [4, 5, 6, 0]],
        ("a1", "a2", "a3", "b"),
    ),
    "npz of large floats": (arrays(x=np.array([1e15, 1e16, -1e300])), {}, [[1e15], [1e16], [-1e300]], ("x",)),
    "npz of numbers as text": (arrays(x=np.array([["1"], ["2"], [".5"]])), {}, [[1], [2], [0.5]], ("x1",)),
}


@pytest.mark.parametrize(("content", "options", "X", "names"), READS.values(), ids=READS)
def test_a_table_is_read_exactly(tmp_path, content, options, X, names):
    dataset = load_table(write(tmp_path, content), "y", **options)
    assert (dataset.X.tolist(), dataset.feature_names) == (X, names)
    assert dataset.y.tolist() == [0, 1, 1][: len(X)]
    assert (dataset.sample_weight is None) == ("weight" not in options)
    assert dataset.sample_weight is None or dataset.sample_weight.tolist() == [2, 0, 1]


LABELS = {
    "0 and 1": (["0", "1"], None, [0, 1], ("0", "1")),
    "larger number is 1": (["10", "9"], None, [1, 0], ("9", "10")),
    "blanks around numbers": ([" 0", "1 "], None, [0, 1], ("0", "1")),
    "1 and 1.0 are the same": (["1", "0", "1.0"], None, [1, 0, 1], ("0", "1")),
    "the first text is kept": (["1.0", "0", "1"], None, [1, 0, 1], ("0", "1.0")),
    "later text is 1": (["no", "yes", "no"], None, [0, 1, 0], ("no", "yes")),
    "texts sort as texts": (["10", "9a"], None, [0, 1], ("10", "9a")),
    "capitals come first": (["a", "B"], None, [1, 0], ("B", "a")),
    "blanks in texts count": (["a", " a"], None, [1, 0], (" a", "a")),
    "plus and minus": (["+", "-"], None, [0, 1], ("+", "-")),
    "quoted comma in a text": (['"yes, it is"', '"no, not"'], None, [1, 0], ("no, not", "yes, it is")),
    "positive text": (["no", "yes"], "no", [1, 0], ("yes", "no")),
    "positive text, as by default": (["no", "yes"], "yes", [0, 1], ("no", "yes")),
    "positive number": (["0", "1"], 0, [1, 0], ("1", "0")),
    "positive number as text": (["0", "1"], "0.0", [1, 0], ("1", "0")),
    "positive number among texts": (["1", "b"], 1, [1, 0], ("b", "1")),
    "npz integers": (np.array([2, 1]), None, [1, 0], ("1", "2")),
    "npz floats": (np.array([0.5, 2]), np.float64(0.5), [1, 0], ("2.0", "0.5")),
    "npz truth values": (np.array([True, False]), None, [1, 0], ("False", "True")),
    "npz truth values, positive": (np.array([True, False]), False, [0, 1], ("True", "False")),
    "npz texts": (np.array(["b", "a"]), "a", [0, 1], ("b", "a")),
}


@pytest.mark.parametrize(("labels", "positive", "y", "class_names"), LABELS.values(), ids=LABELS)
def test_two_label_values_become_0_and_1(tmp_path, labels, positive, y, class_names):
    npz = {"y": labels, "x": np.arange(len(labels))}
    content = "y,x\n" + "".join(f"{text},1\n" for text in labels) if isinstance(labels, list) else npz
    dataset = load_table(write(tmp_path, content), "y", positive=positive)
    assert (dataset.y.tolist(), dataset.class_names) == (y, class_names)


SOURCES = {
    "label": ({}, "label='y'"),
    "weight": ({"weight": "n"}, "label='y', weight='n'"),
    "positive": ({"positive": 0}, "label='y', positive='0'"),
    "both": ({"weight": "n", "positive": "1"}, "label='y', weight='n', positive='1'"),
}


@pytest.mark.parametrize(("options", "told"), SOURCES.values(), ids=SOURCES)
def test_the_source_names_file_hash_and_columns(tmp_path, options, told):
    dataset = load_table(str(write(tmp_path, CSV, "mine.CSV")), "y", **options)
    assert dataset.source == f"mine.CSV, sha256 {hashlib.sha256(CSV.encode()).hexdigest()[:12]}…, {told}"


def test_the_source_is_enough_to_read_the_same_data_again(tmp_path):
    dataset = load_table(write(tmp_path, CSV), "y", weight="n", positive=0)
    options = dict(re.findall(r"(label|weight|positive)='(.*?)'", dataset.source))
    assert load_table(tmp_path / "mine.csv", **options).sha256 == dataset.sha256


REFUSED_CELLS = {
    "text": ("abc", "'abc', not a number"),
    "underscore": ("1_000", "'1_000', not a number"),
    "digits of another script": ("١", "not a number"),
    "hexadecimal": ("0x10", "'0x10', not a number"),
    "decimal comma": ('"1,5"', "'1,5', not a number"),
    "thousands": ('"1,000"', "'1,000', not a number"),
    "two numbers": ("1 2", "'1 2', not a number"),
    "missing mark": ("NA", "'NA', not a number"),
    "empty": ("", "is empty"),
    "blank": ("  ", "is empty"),
    "nan": ("nan", "'nan', not finite"),
    "NaN": (" NaN ", "'NaN', not finite"),
    "inf": ("inf", "'inf', not finite"),
    "minus infinity": ("-Infinity", "'-Infinity', not finite"),
    "overflow": ("1e999", "'1e999', not finite"),
    "large integer": ("9007199254740993", "9007199254740993, an integer too large"),
    "large negative integer": ("-9007199254740992", "-9007199254740992, an integer too large"),
}


@pytest.mark.parametrize("role", ["feature", "weight"])
@pytest.mark.parametrize(("cell", "wrong"), REFUSED_CELLS.values(), ids=REFUSED_CELLS)
def test_a_cell_that_is_no_number_is_refused_by_line_and_column(tmp_path, cell, wrong, role):
    path = write(tmp_path, f'"the y",x,z\n0,1,3\n"1",2,{cell}\n')
    options = {} if role == "feature" else {"weight": "z"}
    with pytest.raises(ValueError, match=r"^mine\.csv: line 3, column 'z' is .*; .*drop the row") as error:
        load_table(path, "the y", **options)
    assert wrong in str(error.value)


REFUSED = {
    # The columns
    "no label column": (CSV, {"label": "z"}, ["no label column 'z'", "'x', 'y', 'n'"]),
    "no weight column": (CSV, {"weight": "z"}, ["no weight column 'z'", "'x', 'y', 'n'"]),
    "label is weight": (CSV, {"weight": "y"}, ["'y'", "label and as weight", "two columns"]),
    "name twice": ("x,y,x\n1,0,2\n2,1,3\n", {}, ["column 3 repeats the name 'x'", "of its own"]),
    "empty name": ("x,,y\n1,2,0\n", {}, ["column 2 has an empty name", "give every column a name"]),
    "blank name": ("x, ,y\n1,2,0\n", {}, ["column 2 has an empty name"]),
    "no feature": ("y\n0\n1\n", {}, ["no feature column", "give at least one"]),
    "no feature beside the weight": ("y,n\n0,1\n1,1\n", {"weight": "n"}, ["no feature column"]),
    "two separators in the header": ("a;b\ty\n1;2\t0\n", {}, ["no label column 'y'", r"'a;b\ty'"]),
    # The rows
    "blank file": ("", {}, ["no header", "name the columns in the first line"]),
    "blank first line": ("\nx,y\n1,0\n", {}, ["no header"]),
    "blanks for a header": (" , \n1,0\n", {}, ["no header"]),
    "no rows": ("x,y\n", {}, ["no rows", "give at least one"]),
    "cell missing": ("x,y\n1,0\n2\n", {}, ["line 3 has 1 cells", "header has 2", "give as many"]),
    "cell too many": ("x,y\n1,0,\n2,1\n", {}, ["line 2 has 3 cells", "header has 2", "quote cells"]),
    "blank line": ("x,y\n1,0\n\n2,1\n", {}, ["line 3 has 0 cells", "delete blank lines"]),
    "blank last line": ("x,y\n1,0\n2,1\n\n", {}, ["line 4 has 0 cells", "delete blank lines"]),
    "line after a cell of two lines": ('"x\ncm",y\n1,0\n,1\n', {}, ["line 4, column 'x\\ncm' is empty"]),
    "quote left open": ('x,y\n1,0\n"2,1\n3,0\n', {}, ["line 3 is not CSV", "check its quotes"]),
    "text after a quote": ('x,y\n1,0\n"2"3,1\n', {}, ["line 3 is not CSV", "check its quotes"]),
    "not UTF-8": (
        b"x,y\n1,0\n\xfc,1\n",
        {},
        ["line 3 is not UTF-8", "save the table as CSV"],
    ),
    # The labels
    "label empty": (CSV_BOTH.format("a", ""), {}, ["line 3, column 'y' is empty", "give a label"]),
    "label blank": (CSV_BOTH.format(" ", "a"), {}, ["line 2, column 'y' is empty", "give a label"]),
    "label nan": (CSV_BOTH.format("0", "nan"), {}, ["line 3, column 'y' is nan", "give a label"]),
    "label NaN among texts": (CSV_BOTH.format("yes", "NaN"), {}, ["line 3, column 'y' is NaN"]),
    "label infinite": (CSV_BOTH.format("0", "inf"), {}, ["line 3, column 'y' is 'inf', not finite"]),
    "label a large integer": (CSV_BOTH.format(0, 2**60), {}, ["line 3, column 'y'", "too large"]),
    "one class": (CSV_BOTH.format("a", "a"), {}, ["label 'y' has 1 value(s), ['a']", "two classes"]),
    "one class, a fraction": (CSV_BOTH.format(0.5, 0.5), {}, ["has 1 value(s), [0.5]", "two classes"]),
    "one class in two spellings": (CSV_BOTH.format("1", "1.0"), {}, ["has 1 value(s), [1.0]", "two classes"]),
    "three classes": (
        "y,a\nu,1\nv,1\nw,1\n",
        {},
        ["label 'y' has 3 value(s), ['u', 'v', 'w']", "two classes"],
    ),
    "three numbers": ("y,a\n1,1\n0,1\n2,1\n", {}, ["has 3 value(s), [0.0, 1.0, 2.0]", "two classes"]),
    "fractions": (
        "y,a\n.1,1\n.2,1\n.7,1\n",
        {},
        ["has 3 value(s), [0.1, 0.2, 0.7]", "continuous", "threshold"],
    ),
    "many numbers": (
        "y,a\n" + "".join(f"{i},1\n" for i in range(40)),
        {},
        ["has 40 value(s), [0.0, 1.0, 2.0, 3.0, 4.0]; ", "continuous", "threshold"],
    ),
    "many texts": (
        "y,a\n" + "".join(f"v{i:02},1\n" for i in range(40)),
        {},
        ["has 40 value(s), ['v00', 'v01', 'v02', 'v03', 'v04']; ", "two classes"],
    ),
    "positive no number": (CSV, {"positive": "yes"}, ["positive is 'yes'", "give one of ['0', '1']"]),
    "positive another number": (CSV, {"positive": 2}, ["positive is 2", "give one of ['0', '1']"]),
    "positive another text": (
        CSV_BOTH.format("a", "b"),
        {"positive": "B"},
        ["'B'", "give one of ['a', 'b']"],
    ),
    "negative weight": (CSV, {"weight": "x"}, ["row weights are negative", "give weights"]),
    # NPZ
    "npz no label": (arrays(), {"label": "z"}, ["no label column 'z'", "'x', 'y'"]),
    "npz of nothing": ({}, {}, ["no label column 'y'", "give one of []"]),
    "npz no rows": ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, {}, ["no rows", "give at least one"]),
    "npz name twice": (arrays(a1=np.zeros(3), a=np.zeros((3, 1))), {}, ["column 4 repeats the name 'a1'"]),
    "npz empty name": (arrays(**{"": np.zeros(3)}), {}, ["column 3 has an empty name"]),
    "npz lengths": (arrays(x=np.zeros((4, 2))), {}, ["'x' has shape (4, 2) and 'y' (3,)", "as many rows"]),
    "npz three dimensions": (arrays(x=np.zeros((3, 2, 2))), {}, ["'x' has shape (3, 2, 2)", "give (N,) or"]),
    "npz single number": (arrays(c=np.float64(3)), {}, ["'c' has shape ()", "give (N,) or"]),
    "npz no columns": (arrays(c=np.zeros((3, 0))), {}, ["'c' has shape (3, 0)", "give (N,) or"]),
    "npz label of two dimensions": (arrays(y=np.zeros((3, 1))), {}, ["no label column 'y'", "'x', 'y1'"]),
    "npz objects": (
        arrays(x=np.array([1, None, 2])),
        {},
        ["array 'x'", "Object arrays", "save numbers or text"],
    ),
    "npz complex": (arrays(x=np.ones(3, complex)), {}, ["'x' holds complex128", "save real numbers"]),
    "npz bytes": (arrays(y=np.array([b"a", b"b", b"b"])), {}, ["'y' holds |S1", "text (str)"]),
    "npz dates": (arrays(x=np.zeros(3, "M8[D]")), {}, ["'x' holds datetime64[D]", "save real numbers"]),
    "npz wider than float64": (arrays(x=np.ones(3, np.longdouble)), {}, ["'x' holds", "save real numbers"]),
    "npz nan": (
        arrays(x=np.array([0, np.nan, 0])),
        {},
        ["row 1 (counted from 0), column 'x' is 'nan', not finite"],
    ),
    "npz nan in two dimensions": (
        arrays(x=np.array([[0, 0], [0, 0], [0, np.inf]])),
        {},
        ["row 2 (counted from 0), column 'x2' is 'inf', not finite"],
    ),
    "npz minus infinity": (arrays(x=np.array([0, 0, -np.inf])), {}, ["row 2", "'x' is '-inf', not finite"]),
    "npz large negative integer": (
        arrays(x=np.array([0, 0, -(2**53)])),
        {},
        ["'x' is -9007199254740992", "large"],
    ),
    "npz large integer": (
        arrays(x=np.array([0, 0, 2**53 + 1])),
        {},
        ["row 2", "'x' is 9007199254740993", "large"],
    ),
    "npz text": (
        arrays(x=np.array(["1", "2", "c"])),
        {},
        ["row 2 (counted from 0), column 'x' is 'c', not a number"],
    ),
    "npz weight nan": (arrays(n=np.full(3, np.nan)), {"weight": "n"}, ["row 0", "column 'n' is 'nan'"]),
    "npz label nan": (arrays(y=np.array([0, 1, np.nan])), {}, ["row 2", "column 'y' is nan", "give a label"]),
    "npz label empty": (
        arrays(y=np.array(["a", "b", ""])),
        {},
        ["row 2", "column 'y' is empty", "give a label"],
    ),
    "npz one class": (arrays(y=np.ones(3)), {}, ["label 'y' has 1 value(s), [1.0]", "two classes"]),
}


@pytest.mark.parametrize(("content", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_such_table_is_refused(tmp_path, content, options, words):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=rf"^{path.name}: .*; ") as error:
        load_table(path, **{"label": "y"} | options)
    assert [word for word in words if word not in str(error.value)] == []


REFUSED_FILES = {
    "not a zip": ("mine.npz", CSV, ["no zip archive", "numpy.savez"]),
    "blank npz": ("mine.npz", "", ["no zip archive", "numpy.savez"]),
    "zip of another kind": ("mine.npz", zipped("a"), ["array 'a' has shape ()", "give (N,) or (N, K)"]),
    "damaged checksum": ("mine.npz", zipped("a", at=32), ["array 'a' cannot be read", "CRC", "save numbers"]),
    "damaged numbers": (
        "mine.npz",
        zipped("a", at=31, byte=b"?"),
        ["array 'a' cannot be read", "save numbers"],
    ),
    "damaged length": (
        "mine.npz",
        zipped("a", at=28, byte=b"?"),
        ["array 'a' cannot be read", "save numbers"],
    ),
    "damaged method": (
        "mine.npz",
        zipped("a", at=46, byte=b"?"),
        ["array 'a' cannot be read", "save numbers"],
    ),
    "unknown ending": ("mine.sav", CSV, ["the ending '.sav' is unknown", "save the table as .csv, .npz or .parquet"]),
    "no ending": ("mine", CSV, ["the ending '' is unknown", "save the table as .csv, .npz or .parquet"]),
}


@pytest.mark.parametrize(("name", "content", "words"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_what_is_no_table_file_is_refused(tmp_path, name, content, words):
    with pytest.raises(ValueError, match=rf"^{name}: .*; ") as error:
        load_table(write(tmp_path, content, name), "y")
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize(("name", "wrong"), [("none.csv", "is missing"), ("folder.csv", "is a folder")])
def test_a_path_that_is_no_file_is_refused(tmp_path, name, wrong):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match=rf"{name} {wrong}; name a \.csv, \.npz or \.parquet"):
        load_table(tmp_path / name, "y")


FRAMES = {
    "pandas": lambda columns: pandas.DataFrame(columns),
    "polars": lambda columns: polars.DataFrame(columns),
    "pyarrow": lambda columns: pyarrow.table(columns),
}
CARS = {
    "weight": np.array([2.6, 3.2, 5.4, 1.6]),
    "cylinders": np.array([6, 8, 8, 4], np.int32),
    "turbo": np.array([True, False, False, True]),
    "gearbox": ["manual", "automatic", "automatic", "manual"],
}


@pytest.fixture(params=FRAMES)
def frame(request):
    """A data frame of one library, then of the others, from a dict of columns."""
    return FRAMES[request.param]


def test_a_frame_is_a_dataset(frame):
    data = Dataset.from_frame(frame(CARS), label="gearbox", positive="manual")
    assert data.X.tolist() == [[2.6, 6, 1], [3.2, 8, 0], [5.4, 8, 0], [1.6, 4, 1]]
    assert data.y.tolist() == [1, 0, 0, 1] and data.class_names == ("automatic", "manual")
    assert data.feature_names == ("weight", "cylinders", "turbo")
    assert "of 4 rows, label='gearbox', positive='manual'" in data.source


def test_a_frame_may_have_weights_and_numbers_for_classes(frame):
    columns = {"x": [0.5, 1.5, 2.5], "y": [0, 1, 1], "times": [1, 2, 3]}
    data = Dataset.from_frame(frame(columns), "y", weight="times")
    assert data.sample_weight.tolist() == [1, 2, 3] and data.y.tolist() == [0, 1, 1] and data.X.shape == (3, 1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight": [2.6, None, 5.4, 1.6]}, "row 1 (counted from 0), column 'weight' is"),
        ({"gearbox": ["manual", None, "automatic", "manual"]}, "row 1 (counted from 0), column 'gearbox' is missing"),
        ({"weight": [2.6, np.inf, 5.4, 1.6]}, "row 1 (counted from 0), column 'weight' is 'inf', not finite"),
        ({"weight": ["light", "light", "heavy", "light"]}, "column 'weight' is 'light', not a number"),
        ({"cylinders": [2**53 + 1, 1, 2, 3]}, "an integer too large for float64"),
        ({"built": np.array(["1974-01-01"] * 4, "M8[ms]")}, "column 'built' holds"),
        ({"gearbox": ["a", "b", "c", "a"]}, "has 3 value(s)"),
    ],
    ids=["missing", "no label", "infinite", "text", "large", "date", "three classes"],
)
def test_what_a_frame_leaves_open_is_told(frame, changed, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Dataset.from_frame(frame({**CARS, **changed}), label="gearbox")


def test_columns_of_pandas_may_have_numbers_for_names_but_not_one_name_twice():
    data = Dataset.from_frame(pandas.DataFrame([[1.0, 2.0, 0], [3.0, 4.0, 1]]), label=2)
    assert data.feature_names == ("0", "1") and data.y.tolist() == [0, 1]
    with pytest.raises(ValueError, match="column 3 repeats the name 'x'"):
        Dataset.from_frame(pandas.DataFrame([[1.0, 0, 3.0]], columns=["x", "y", "x"]), label="y")


@pytest.mark.parametrize("what", [np.eye(3), [[1, 2]], None, "cars.csv"], ids=["array", "list", "None", "path"])
def test_what_is_no_frame_is_told(what):
    with pytest.raises(ValueError, match="give a table of pandas, polars or pyarrow"):
        Dataset.from_frame(what, label="y")


def test_parquet_is_what_its_frame_is(tmp_path):
    path = tmp_path / "cars.parquet"
    pandas.DataFrame(CARS).to_parquet(path)
    read, given = load_table(path, "gearbox"), Dataset.from_frame(pandas.DataFrame(CARS), "gearbox")
    assert read.sha256 == given.sha256 and read.feature_names == given.feature_names
    assert read.source.startswith("cars.parquet, sha256 ")


@pytest.mark.parametrize("size", [0, 3, 40, -5])
def test_a_damaged_parquet_file_is_refused(tmp_path, size):
    path = tmp_path / "cars.parquet"
    pandas.DataFrame(CARS).to_parquet(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="no Parquet file"):
        load_table(path, "gearbox")


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "cars.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match="pip install pyarrow"):
        load_table(tmp_path / "cars.parquet", "gearbox")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cars.csv.gz", "is compressed; unpack it"),
        ("-", "standard input is not read"),
        ("https://example.org/cars.csv", "nothing is fetched; download"),
        ("cars.xlsx", "is a spreadsheet; save the sheet as CSV"),
        ("cars.tsv", "rename it to .csv"),
        ("cars.feather", "save the table as .parquet"),
        ("cars.npy", "numpy.savez"),
        ("cars.pkl", "anybody's code"),
        ("cars.sav", "missing; name a .csv, .npz or .parquet"),
    ],
)
def test_a_file_of_another_kind_gets_a_hint(path, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        load_table(path, "gearbox")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 25, r"has 1 value\(s\).*give one of 2 to 20 classes"),
        ([chr(97 + n) for n in range(25)], r"has 25 value\(s\)"),
        ([n / 2 for n in range(25)], "looks continuous"),
    ],
    ids=["one class", "too many", "continuous"],
)
def test_a_label_of_classes_has_two_to_twenty(tmp_path, labels, words):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{n},{label}\n" for n, label in enumerate(labels)))
    with pytest.raises(ValueError, match=words):
        load_classes(path, "y")


def test_classes_are_numbered_in_sorting_order(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,n,y\n1,1,10\n2,1,9\n3,2,9.0\n4,1,11\n")
    data = load_classes(path, "y", weight="n")
    assert data.class_names == ("9", "10", "11") and data.y.tolist() == [1, 0, 0, 2]
    assert data.feature_names == ("x",) and data.sample_weight.tolist() == [1, 1, 2, 1]
