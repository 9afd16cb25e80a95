"""What Triton makes of the guards, for a GPU that need not be there: the exact engine's products stay products."""

import re
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is there on Linux only")
pytestmark = pytest.mark.slow

KERNELS = """
import sys
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def plain(a, b, c, out, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(out + i, tl.load(a + i) * tl.load(b + i) + tl.load(c + i))


@triton.jit
def guarded(a, b, c, out, B: tl.constexpr):
    i = tl.arange(0, B)
    x = tl.load(a + i)
    product = x * tl.load(b + i)
    kept = (product.to(tl.int64, bitcast=True) ^ (x != x).to(tl.int64)).to(tl.float64, bitcast=True)
    tl.store(out + i, kept + tl.load(c + i))


@triton.jit
def counted(a, b, c, out, B: tl.constexpr):
    i = tl.arange(0, B)
    x = tl.load(a + i)
    product = x * tl.load(b + i)
    kept = (product.to(tl.int64, bitcast=True) ^ (x != x).to(tl.int64)).to(tl.float64, bitcast=True)
    M = tl.load(c)
    q = (kept + M).to(tl.int64, bitcast=True) - M.to(tl.int64, bitcast=True)
    tl.store(out, tl.sum(q, 0).to(tl.float64))


@triton.jit
def narrowed(a, b, c, out, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(out + i, tl.load(a + i).to(tl.float32).to(tl.float64))


types = {name: "*fp64" for name in ("a", "b", "c", "out")} | {"B": "constexpr"}
source = ASTSource(fn=globals()[sys.argv[1]], signature=types, constexprs={"B": 128})
print(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"])
"""


def instructions(folder, kernel):
    """The floating-point instructions of a kernel, for a GPU of compute capability 9.0."""
    (folder / "kernels.py").write_text(KERNELS)
    done = subprocess.run([sys.executable, "kernels.py", kernel], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return set(re.findall(r"\b((?:fma|mul|add|cvt)\.[a-z0-9.]*f(?:64|32)[a-z0-9.]*)", done.stdout))


def test_a_guard_keeps_a_product_from_an_fma(tmp_path):
    assert "fma.rn.f64" in instructions(tmp_path, "plain")
    for kernel in ("guarded", "counted"):
        found = instructions(tmp_path, kernel)
        assert {name.partition(".")[0] for name in found} >= {"mul", "add"} and "fma.rn.f64" not in found


def test_a_number_that_is_rounded_to_float32_is_rounded(tmp_path):
    assert {"cvt.rn.f32.f64", "cvt.f64.f32"} <= instructions(tmp_path, "narrowed")
