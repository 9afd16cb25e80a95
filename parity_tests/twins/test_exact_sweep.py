"""Float32 needs no guard: whatever products a compiler contracts with sums, each float32 σ and softplus stays the same.

``EXACT_SWEEP=all`` looks at all 4 278 190 080 finite numbers (a minute on one core), else at one block of 4096 in 31.
"""

import os
import shutil
import subprocess

import pytest

from logreg_parity.truth import exact

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the sweep is in C, and there is no compiler (cc)"),
]
SAMPLE = 31  # odd, or all blocks would begin with numbers of few digits


def sweep(folder, stride, *flags):
    """How many numbers were looked at, how many results are near a midpoint, and how many of those vary."""
    names = ("PER_LOG2", "LOG2_HIGH", "LOG2_LOW", "LOG2", "SQRT2_MINUS_1", "LOWEST")
    lines = [f"static const double {name} = {getattr(exact, name).hex()};" for name in names]
    for name in ("EXP", "LOG"):
        lines.append(f"static const double {name}[] = {{{', '.join(c.hex() for c in getattr(exact, name))}}};")
    (folder / "coefs.h").write_text("\n".join(lines))
    source = os.path.join(os.path.dirname(__file__), "exact_sweep.c")
    quick = ["-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
    command = ["cc", *quick, f"-I{folder}", *flags, source, "-o", "sweep", "-lm"]
    subprocess.run(command, check=True, cwd=folder)
    done = subprocess.run([folder / "sweep", str(stride)], check=True, capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def test_no_contraction_changes_a_float32_result(tmp_path):
    stride = 1 if os.environ.get("EXACT_SWEEP") == "all" else SAMPLE
    looked, near, varies = sweep(tmp_path, stride)
    finite = [block for block in range(0, 2**20, stride) if (block >> 11) & 255 < 255]
    assert looked == 4096 * len(finite) and (stride > 1 or looked == 4_278_190_080)
    assert near > 0 and varies == 0


def test_a_rougher_contraction_is_seen(tmp_path):
    _, _, varies = sweep(tmp_path, SAMPLE, "-DFUSED(a,b,c)=(fma(a,b,c)*(1+0x1p-30))")
    assert varies > 0
