"""What Triton makes of the guards, for a GPU that need not be there: the exact engine's products stay products.

The kernels are small ones written here, and those that PyTorch's compiler generates from the twin's own gradient. XLA's
compiler for GPUs is not part of the jaxlib that runs on a CPU, so what it makes of JAX's twin is seen on a GPU only.
"""

import os
import re
import struct
import subprocess
import sys

import pytest

from logreg_parity.truth import exact
from parity_tests.pages import ROOT

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


GENERATED = r"""
import ast, re, sys
from contextlib import ExitStack
from types import SimpleNamespace
from unittest import mock
import numpy as np
import torch
import torch._inductor.config
from torch._inductor import decomposition
from torch._inductor.compile_fx import view_to_reshape
from torch._inductor.debug import DebugContext
from torch._inductor.graph import GraphLowering
from torch._inductor.virtualized import V
from torch._dynamo.device_interface import CudaInterface
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.passes.fake_tensor_prop import FakeTensorProp
from logreg_parity import gaussian
from logreg_parity.truth.exact import ExactRows, SignedRows
from logreg_torch.speed.exact_objective import gradient

dtype, guarded = "float64", sys.argv[1] == "guarded"
torch._inductor.config.compile_threads, torch._inductor.config.force_disable_caches = 1, True
columns, up, _, *rest = SignedRows.of(gaussian(100, 2), dtype).whole("mean")
given = [torch.tensor(np.asarray(part)) for part in (np.zeros(3), columns, up, *rest, np.zeros(3))]


def own(theta, columns, up, top, largest, factor, penalty):
    return gradient(theta, ExactRows(columns, up, None, top, largest, factor), penalty, dtype)


# Traced on the CPU by a twin that takes it for a GPU, then handed to the compiler as a program of that device.
seen = mock.patch.object(torch.Tensor, "is_cuda", property(lambda self: guarded))
with seen, mock.patch("torch.compiler.is_compiling", lambda: True), torch.no_grad():
    table = decomposition.select_decomp_table()
    graph = make_fx(torch.func.functionalize(own), decomposition_table=table, tracing_mode="real")(*given)
for node in graph.graph.nodes:
    if "device" in node.kwargs:
        node.kwargs = {**node.kwargs, "device": torch.device("cuda", 0)}
graph.recompile()
names = ("warp_size", "max_threads_per_block", "max_threads_per_multi_processor", "regs_per_multiprocessor")
about = dict(zip(names, (32, 1024, 2048, 65536))) | {"multi_processor_count": 132, "major": 9, "minor": 0, "cc": 90}
device = SimpleNamespace(type="cuda", index=0, shared_memory_per_block_optin=2**17, total_memory=2**36, **about)
with ExitStack() as stack:
    for name, answer in {"get_device_properties": device, "get_device_capability": (9, 0), "current_device": 0}.items():
        stack.enter_context(mock.patch(f"torch.cuda.{name}", lambda *a, answer=answer: answer))
    for where in (CudaInterface, CudaInterface.Worker):
        for name, answer in {"current_device": 0, "get_device_properties": device}.items():
            found = staticmethod(lambda *a, answer=answer: answer)
            stack.enter_context(mock.patch.object(where, name, found))
    stack.enter_context(mock.patch("torch.cuda.is_available", lambda: True))
    stack.enter_context(mock.patch("torch.cuda.device_count", lambda: 1))
    stack.enter_context(mock.patch("torch.utils._triton.triton_hash_with_backend", lambda: ""))
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with fake:
        there = [torch.empty(part.shape, dtype=part.dtype, device="cuda") for part in given]
    FakeTensorProp(graph, fake).propagate_dont_convert_inputs(*there)
    view_to_reshape(graph)
    lowered = GraphLowering(graph)
    with V.set_graph_handler(lowered), V.set_fake_mode(fake), V.set_debug_handler(DebugContext()):
        lowered.run(*there)
        text = lowered.codegen()[0].value

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

kernels = re.findall(r"'signature': ({.*?}).*?@triton[.]jit(\n.*?)\n'{3}", text, re.S)
head = "import triton\nimport triton.language as tl\nfrom torch._inductor.runtime import triton_helpers\n"
head += "from torch._inductor.runtime.triton_helpers import libdevice, math as tl_math\n"
with open("generated.py", "w") as file:
    file.write(head + "".join("\n@triton.jit" + body + "\n" for _, body in kernels))
sys.path.insert(0, "")
import generated

for signature, body in kernels:
    name = re.search(r"def (\w+)", body).group(1)
    types = ast.literal_eval(signature)
    blocks = {"XBLOCK": 128 if "_poi_" in name else 1}
    source = ASTSource(fn=getattr(generated, name), signature=types, constexprs=blocks)
    print(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"])
"""
EXACT_FACTORS = (exact.LOG2_HIGH, exact.LOG2_LOW, 2.0**32, 3.0)
"""Products with these are exact, melted with a sum or not: the parts of log 2 times k, 2^32 times a count, 3 top."""


def melted(folder, guarded):
    """The float64 fma, a line each, of what PyTorch generates from the twin's gradient; but for exact products."""
    (folder / "program.py").write_text(GENERATED)
    command = [sys.executable, "program.py", "guarded" if guarded else "bare"]
    places = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    surroundings = {**os.environ, "PYTHONPATH": places}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=surroundings)
    assert done.returncode == 0, done.stderr[-2000:]
    kernels = done.stdout.split(".visible .entry")[1:]
    assert len(kernels) == 2 and "div.rn.f64" in done.stdout and not re.search(r"div\S*f32", done.stdout)
    found = []
    for kernel in kernels:
        units = set(re.findall(rf"mul\S*f64\s+(%\w+), %\w+, 0d{_bits(exact.UNIT)}", kernel))
        found += [line for line in re.findall(r"fma\.rn\.f64.*", kernel) if not _is_exact(line, units)]
    return found


def _bits(number):
    return struct.pack(">d", number).hex().upper()


def _is_exact(line, units):
    """Whether a factor has few bits: a constant of those, or a power of two, of ``units``, a count's."""
    _, *factors, _ = re.findall(r"%\w+|0d[0-9A-F]{16}", line)
    constants = {_bits(number * sign) for number in EXACT_FACTORS for sign in (1, -1)}
    return any(factor in units or factor.removeprefix("0d") in constants for factor in factors)


def test_no_product_is_melted_in_what_pytorch_generates_but_exact_ones(tmp_path):
    assert not melted(tmp_path, guarded=True)
    assert melted(tmp_path, guarded=False)
