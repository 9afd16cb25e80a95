"""The passport: each probe tells apart two planted backends that do the opposite; the real twins' one is complete."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from logreg_parity.cli import main
from logreg_parity.machine import passport, probes
from logreg_parity.machine.probes import PROBES, Bench
from logreg_parity.truth.ulp import format_of, round_to, ulp

pytestmark = pytest.mark.slow

BY_ROWS = next(title for title in PROBES if title.startswith("by "))


def serial(x):
    return np.cumsum(x, axis=-1)[..., -1]


def pairwise(x):
    """A balanced tree, filled up with zeros: ⌈log2 n⌉ additions for the first term."""
    x = np.append(x, np.zeros((*x.shape[:-1], 2 ** (x.shape[-1] - 1).bit_length() - x.shape[-1]), x.dtype), axis=-1)
    while x.shape[-1] > 1:
        x = x[..., ::2] + x[..., 1::2]
    return x[..., 0]


def blocks(x):
    """Blocks of 100 terms, each serial, and their sums serial."""
    return serial(serial(x.reshape(*x.shape[:-1], -1, 100)))


def product(a, b, total=serial):
    """a @ b, each sum in the order of ``total``; between two matrices in NumPy's, for diagonal ones."""
    if a.ndim == b.ndim == 2:
        return a @ b
    return total(a * b if a.ndim == 2 else b.T * a)


@np.vectorize
def fused(a, b, c):
    return float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def flush(x):
    return np.where(np.abs(x) < np.finfo(x.dtype).tiny, x.dtype.type(0), x)


def with_a_tail(z):
    """The last three elements by another road."""
    return np.append(z[:-3], 2 * z[-3:])


HONEST = {
    "product_sum": lambda a, b, c: a * b + c,
    "scale": lambda x, s: x * s,
    "thousandth": lambda x: x / x.dtype.type(1000),
    "there_and_back": lambda x: (x + x.dtype.type(3)) - x.dtype.type(3),
    "total": serial,
    "matmul": product,
    "sigmoid": lambda z: z / (1 + np.abs(z)),  # not σ: NumPy's exp may have a tail of its own
    "softplus": lambda z: z + np.abs(z),
}


class Planted:
    """A backend in NumPy, without a framework, that does what it is told."""

    MODES = ("eager",)

    def __init__(self, **operations):
        self.operations, self.count, self.calls = HONEST | operations, 4, 0

    def compute(self, operation, *arrays, dtype, device, mode):
        self.calls += 1
        return np.asarray(self.operations[operation](*(np.asarray(a).astype(dtype) for a in arrays))).astype(dtype)

    def identity(self, x, device):
        return x

    def threads(self, count=None):
        self.count = self.count if count is None else count
        return self.count


def ask(title, dtype="float32", backend=None, **operations):
    return PROBES[title](Bench(None, backend or Planted(**operations), dtype))


@pytest.mark.parametrize("dtype", passport.DTYPES)
@pytest.mark.parametrize(
    ("title", "answer", "operations"),
    [
        ("a b + c", "two roundings", {}),
        ("a b + c", "fused", {"product_sum": fused}),
        (
            "a b + c",
            "two roundings and fused",
            {"product_sum": lambda a, b, c: np.append(fused(a, b, c)[:9], 0 * c[9:])},
        ),
        ("a b + c", "neither: 5", {"product_sum": lambda a, b, c: 0 * a + 5}),
        ("subnormal results", "kept", {}),
        ("subnormal results", "flushed", {"scale": lambda x, s: flush(x * s)}),
        ("subnormal results", "kept", {"scale": lambda x, s: flush(x) * s}),
        ("subnormal inputs", "kept", {}),
        ("subnormal inputs", "kept", {"scale": lambda x, s: flush(x * s)}),
        ("subnormal inputs", "flushed", {"scale": lambda x, s: flush(x) * s}),
        ("(x + 3) - 3", "as written", {}),
        ("(x + 3) - 3", "simplified", {"there_and_back": lambda x: x}),
        ("x / 1000", "correctly rounded", {}),
        ("depth of a sum", 999, {}),
        ("depth of a sum", 10, {"total": pairwise}),
        ("depth of a sum", 99 + 9, {"total": blocks}),
        ("depth of a sum", 1, {"total": math.fsum}),
        ("depth of X @ w", 999, {}),
        ("depth of X @ w", 10, {"matmul": lambda a, b: product(a, b, pairwise)}),
        ("depth of r @ X", 999, {}),
        ("depth of r @ X", 99 + 9, {"matmul": lambda a, b: product(a, b, blocks)}),
        ("place in vector", "no matter", {}),
        ("place in vector", "3.49 % differ", {"sigmoid": with_a_tail}),  # 3 + 32 of 1003
        ("place in vector", "3.49 % differ", {"softplus": with_a_tail}),
        (BY_ROWS, "100/100/100/100 % alike", {}),
        ("repeated calls", "same bits", {}),
        ("one thread or more", "same bits", {}),
        ("float64 unasked", "stays", {}),
    ],
)
def test_a_probe_sees_what_was_planted(title, answer, operations, dtype):
    assert ask(title, dtype, **operations) == answer


@pytest.mark.parametrize("title", ["bits of A @ B", "bits of X @ w"])
@pytest.mark.parametrize(("format", "bits"), [("float64", None), ("float32", 24), ("float16", 11), ("bfloat16", 8)])
@pytest.mark.parametrize("dtype", passport.DTYPES)
def test_bits_of_products(title, format, bits, dtype):
    """float16 has the significand of TF32."""
    own = format_of(dtype).precision
    assert ask(title, dtype, matmul=lambda a, b: round_to(a, format) @ round_to(b, format)) == min(own, bits or own)


def test_a_product_with_the_reciprocal_is_no_division():
    assert ask("x / 1000", thousandth=lambda x: x * (1 / x.dtype.type(1000))).endswith("misrounded")


def test_rows_that_depend_on_the_batch_are_seen():
    answer = ask(BY_ROWS, matmul=lambda a, b: product(a, b, pairwise if len(a) == 1 else serial))
    assert not answer.startswith("100/") and answer.endswith("/100/100/100 % alike")


def test_chance_is_seen():
    backend = Planted()
    backend.operations["total"] = lambda x: (serial if backend.calls % 2 else pairwise)(x)
    assert ask("repeated calls", backend=backend) == "DIFFER"


def test_threads_are_seen_and_put_back_even_after_a_failure():
    backend = Planted()
    backend.operations["total"] = lambda x: (serial if backend.count == 1 else pairwise)(x)
    assert (ask("one thread or more", backend=backend), backend.count) == ("differ", 4)
    backend.operations["matmul"] = None
    with pytest.raises(TypeError):
        ask("one thread or more", backend=backend)
    assert backend.count == 4


def test_demotion_and_a_missing_switch_for_threads_are_seen():
    backend = Planted()
    backend.identity, backend.threads = lambda x, device: x.astype(np.float32), lambda count=None: None
    assert ask("float64 unasked", backend=backend) == "becomes float32"
    assert ask("one thread or more", backend=backend) == "no switch"


@pytest.mark.parametrize(("dtype", "answer"), [("float64", "stays"), ("float32", "DEMOTED")])
def test_a_twin_that_demotes_is_seen(dtype, answer):
    twin = SimpleNamespace(evaluate=lambda data, *_, **options: SimpleNamespace(logits=data.X[:, 0].astype(dtype)))
    assert PROBES["float64 in twin"](Bench(twin, None, "float64")) == answer


@pytest.mark.parametrize("dtype", passport.DTYPES)
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "loss", "loss_slope", "loss_curvature"])
def test_ulps_find_the_planted_error(name, dtype):
    """The exact value rounded is less than one ulp off; then 100 ulp are added at one point."""
    z, _, exact = probes._sample(dtype)
    right, where = round_to(exact[name].astype(np.float64), dtype), np.argmin(np.abs(z - 1.3))
    wrong, lost = right.copy(), right.copy()
    wrong[where], lost[where] = right[where] + 100 * ulp(right[where], dtype), np.nan
    answers = [{name: lambda *_, v=values: v} for values in (right, wrong, lost)]
    found = [probes.ulps_of(name)(Bench(None, Planted(**answer), dtype)) for answer in answers]
    assert found[0]["largest"] < 1 and 99 < found[1]["largest"] < 101
    assert found[1]["at"] == z[where] and 0 < found[0]["mean"] < found[1]["mean"]
    assert found[2] == "not finite at 1.3"


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """The folder of the real twins' passport, of shorter sums."""
    folder = tmp_path_factory.mktemp("passport")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "TERMS", 60)
        assert main(["passport", "--out", str(folder)]) == 0
    return folder


def test_the_twins_passport_is_complete(issued):
    read = passport.load(issued / "passport.json")
    page = (issued / "passport.md").read_text()
    assert {path.name for path in issued.iterdir()} == {"passport.json", "passport.md"}
    assert all(read["machine"][name] for name in ("platform", "processor", "cores", "python", "numpy", "date"))
    for name, modes in (("logreg_torch", ["eager"]), ("logreg_jax", ["eager", "jit"])):
        found = read["twins"][name]["found"]
        assert list(found) == [f"{dtype}, {mode}" for dtype in passport.DTYPES for mode in modes]
        assert all(list(entries) == list(PROBES) for entries in found.values())
        assert all(1 <= entries["depth of X @ w"] <= 59 for entries in found.values())
        assert {entries["float64 in twin"] for entries in found.values()} == {"stays"}
        assert all(version in page for version in read["twins"][name]["versions"].values())
    assert all(title in page for title in PROBES)


@pytest.mark.parametrize("dtype", passport.DTYPES)
def test_a_switch_changes_the_answer(issued, dtype):
    twins = passport.load(issued / "passport.json")["twins"]
    torch_, jax_ = ({title: one["answer"] for title, one in twins[name]["switched"][dtype].items()} for name in twins)
    assert torch_ == {"subnormal results": "flushed", "subnormal inputs": "flushed"}
    assert float(torch.tensor(torch.finfo(torch.float32).tiny) / 2) > 0  # it is put back
    assert jax_.pop("depth of a sum") > 0
    assert jax_ == {"a b + c": "two roundings", "(x + 3) - 3": "as written", "x / 1000": "correctly rounded"}
    page = (issued / "passport.md").read_text()
    assert f"{dtype}, with one thing switched" in page and "jit without algsimp" in page


def test_diff(issued, tmp_path, capsys):
    mine, other = issued / "passport.json", tmp_path / "other.json"
    changed = passport.load(mine)
    changed["machine"]["date"] = "2021-01-01"
    passport.save(changed, other)
    assert main(["passport", "diff", str(mine), str(other)]) == 0 and not capsys.readouterr().out
    changed["twins"]["logreg_jax"]["found"]["float32, jit"]["a b + c"] = "planted"
    del changed["twins"]["logreg_torch"]["found"]["float64, eager"]
    passport.save(changed, other)
    assert main(["passport", "diff", str(mine), str(other)]) == 1
    printed = capsys.readouterr().out
    assert "planted" in printed and "ulps of softplus" in printed and "date" not in printed


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "x"}', '{"format": "logreg-parity passport"}'])
def test_a_file_that_is_no_passport(tmp_path, content, capsys):
    path = tmp_path / "bad.json"
    path.write_text(content)
    assert main(["passport", "diff", str(path), str(path)]) == 2
    assert "bad.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--twins", "logreg_parity.truth.reference"], "probes"), (["--device", "tpu"], "tpu"), (["--twins", "no"], "no")],
)
def test_who_cannot_be_asked(tmp_path, options, word, capsys):
    assert main(["passport", "--out", str(tmp_path / "out"), *options]) == 2
    assert word in capsys.readouterr().err and not (tmp_path / "out").exists()
