"""How far the frameworks' elementwise functions are from exact, and their derivatives: some sixty, exp to zeta.

C libraries have such tables (glibc's of ulps; V. Innocente and P. Zimmermann, "Accuracy of Mathematical Functions in
Single, Double, ... Precision"); frameworks have none. The exact values are Arb's balls, to as many digits as it takes.
Numbers are drawn over a function's range, evenly and by their exponents, near its ends and near 0, and the worst of
them are climbed from. A whole sweep of float32 holds every number to the framework's own float64, the worst to Arb.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import flint
import numpy as np

from ..truth.ulp import format_of, ulp
from ..twins import load_part, load_twin
from .maxima import Maximum
from .sweep import instructions

if TYPE_CHECKING:  # what is heavy is loaded when a picture is drawn
    from matplotlib.figure import Figure

Ball = flint.arb
DRAWN, ROUNDS, PARENTS, CHILDREN = 600, 5, 10, 8
BITS = (128, 400, 2400)  # of Arb's work; more where fewer do not settle a float64
EDGES = (2.0**-2, 2.0**60)  # of the picture, in ulps
KEPT = Path(__file__).with_name("functions.json")
BLOCK = 2**20  # magnitudes at a time, with both signs
ALL = range(0x7F800000 // BLOCK)  # blocks of every finite float32


def _ndtr(x: Ball) -> Ball:
    return (-x / Ball(2).sqrt()).erfc() / 2


def _density(x: Ball) -> Ball:
    return (-x * x / 2).exp() / (2 * Ball.pi()).sqrt()


def _sigmoid(x: Ball) -> Ball:
    return 1 / (1 + (-x).exp())


def _softplus(x: Ball) -> Ball:
    return x.exp().log1p() if x < 0 else x + (-x).exp().log1p()


def _ndtri(p: Ball) -> Ball:
    return -Ball(2).sqrt() * (2 * p).erfcinv()


def _polygamma(n: int, x: Ball) -> Ball:
    return (-1) ** (n + 1) * Ball(n).fac() * Ball(n + 1).zeta(x)


def _gelu_inner(x: Ball) -> tuple[Ball, Ball]:
    c, k = (2 / Ball.pi()).sqrt(), Ball("0.044715")
    return (c * (x + k * x**3)).tanh(), c * (1 + 3 * k * x * x)


def _gelu_tanh_slope(x: Ball) -> Ball:
    t, inner = _gelu_inner(x)
    return (1 + t) / 2 + x / 2 * (1 - t * t) * inner


def _mish_slope(x: Ball) -> Ball:
    t = _softplus(x).tanh()
    return t + x * (1 - t * t) * _sigmoid(x)


def _sinc_slope(x: Ball) -> Ball:
    z = Ball.pi() * x
    return Ball(0) if x.is_zero() else (z.cos() - z.sin() / z) / x


def _elu(x: Ball) -> Ball:
    return x if x > 0 else x.expm1()


SCALE, ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"  # of G. Klambauer et al., 2017
LN2 = Ball.const_log2


class ExactFunction(NamedTuple):
    """A function, its derivative, and the range that is looked at."""

    value: Callable[[Ball], Ball]
    slope: Callable[[Ball], Ball]
    low: float
    high: float


def _both(value: Callable, slope: Callable, low: float = -inf, high: float = inf) -> ExactFunction:
    return ExactFunction(value, slope, low, high)


FUNCTIONS: dict[str, ExactFunction] = {
    "exp": _both(lambda x: x.exp(), lambda x: x.exp(), -800, 710),
    "exp2": _both(lambda x: (x * LN2()).exp(), lambda x: LN2() * (x * LN2()).exp(), -1100, 1024),
    "expm1": _both(lambda x: x.expm1(), lambda x: x.exp(), -800, 710),
    "log": _both(lambda x: x.log(), lambda x: 1 / x, 0),
    "log2": _both(lambda x: x.log() / LN2(), lambda x: 1 / (x * LN2()), 0),
    "log10": _both(lambda x: x.log() / Ball.const_log10(), lambda x: 1 / (x * Ball.const_log10()), 0),
    "log1p": _both(lambda x: x.log1p(), lambda x: 1 / (1 + x), -1),
    "sqrt": _both(lambda x: x.sqrt(), lambda x: x.rsqrt() / 2, 0),
    "rsqrt": _both(lambda x: x.rsqrt(), lambda x: -x.rsqrt() / (2 * x), 0),
    "reciprocal": _both(lambda x: 1 / x, lambda x: -1 / (x * x)),
    "square": _both(lambda x: x * x, lambda x: 2 * x),
    "sin": _both(lambda x: x.sin(), lambda x: x.cos(), -1e6, 1e6),
    "cos": _both(lambda x: x.cos(), lambda x: -x.sin(), -1e6, 1e6),
    "tan": _both(lambda x: x.tan(), lambda x: 1 + x.tan() ** 2, -1e6, 1e6),
    "asin": _both(lambda x: x.asin(), lambda x: (1 - x * x).rsqrt(), -1, 1),
    "acos": _both(lambda x: x.acos(), lambda x: -(1 - x * x).rsqrt(), -1, 1),
    "atan": _both(lambda x: x.atan(), lambda x: 1 / (1 + x * x)),
    "sinh": _both(lambda x: x.sinh(), lambda x: x.cosh(), -710, 710),
    "cosh": _both(lambda x: x.cosh(), lambda x: x.sinh(), -710, 710),
    "tanh": _both(lambda x: x.tanh(), lambda x: 1 / x.cosh() ** 2, -400, 400),
    "asinh": _both(lambda x: x.asinh(), lambda x: (1 + x * x).rsqrt()),
    "acosh": _both(lambda x: x.acosh(), lambda x: (x * x - 1).rsqrt(), 1),
    "atanh": _both(lambda x: x.atanh(), lambda x: 1 / (1 - x * x), -1, 1),
    "sinc": _both(lambda x: x.sinc_pi(), _sinc_slope, -1e4, 1e4),
    "sigmoid": _both(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x), -800, 800),
    "logit": _both(lambda x: x.log() - (1 - x).log(), lambda x: 1 / (x * (1 - x)), 0, 1),
    "log_sigmoid": _both(lambda x: -_softplus(-x), lambda x: _sigmoid(-x), -800, 800),
    "softplus": _both(_softplus, _sigmoid, -800, 800),
    "silu": _both(lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)), -800, 800),
    "gelu": _both(lambda x: x * _ndtr(x), lambda x: _ndtr(x) + x * _density(x), -40, 1e4),
    "gelu_tanh": _both(lambda x: x / 2 * (1 + _gelu_inner(x)[0]), _gelu_tanh_slope, -40, 1e4),
    "elu": _both(_elu, lambda x: Ball(1) if x > 0 else x.exp(), -800),
    "selu": _both(
        lambda x: Ball(SCALE) * (x if x > 0 else Ball(ALPHA) * x.expm1()),
        lambda x: Ball(SCALE) * (Ball(1) if x > 0 else Ball(ALPHA) * x.exp()),
        -800,
    ),
    "celu": _both(_elu, lambda x: Ball(1) if x > 0 else x.exp(), -800),
    "mish": _both(lambda x: x * _softplus(x).tanh(), _mish_slope, -800, 1e4),
    "softsign": _both(lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "erf": _both(lambda x: x.erf(), lambda x: 2 * (-x * x).exp() / Ball.pi().sqrt(), -30, 30),
    "erfc": _both(lambda x: x.erfc(), lambda x: -2 * (-x * x).exp() / Ball.pi().sqrt(), -30, 30),
    "erfinv": _both(lambda x: x.erfinv(), lambda x: Ball.pi().sqrt() / 2 * (x.erfinv() ** 2).exp(), -1, 1),
    "ndtr": _both(_ndtr, _density, -40, 40),
    "log_ndtr": _both(lambda x: _ndtr(x).log(), lambda x: _density(x) / _ndtr(x), -1e4, 40),
    "ndtri": _both(_ndtri, lambda p: 1 / _density(_ndtri(p)), 0, 1),
    "lgamma": _both(lambda x: x.lgamma(), lambda x: x.digamma(), 0, 1e8),
    "digamma": _both(lambda x: x.digamma(), lambda x: _polygamma(1, x), 0, 1e8),
    "trigamma": _both(lambda x: _polygamma(1, x), lambda x: _polygamma(2, x), 0, 1e8),
    "tetragamma": _both(lambda x: _polygamma(2, x), lambda x: _polygamma(3, x), 0, 1e8),
    "zeta(3, x)": _both(lambda x: Ball(3).zeta(x), lambda x: -3 * Ball(4).zeta(x), 0, 1e8),
    "i0": _both(lambda x: x.bessel_i(0), lambda x: x.bessel_i(1), -700, 700),
    "i0e": _both(lambda x: (-abs(x)).exp() * x.bessel_i(0), lambda x: _scaled_slope(0, x), -1e4, 1e4),
    "i1": _both(lambda x: x.bessel_i(1), lambda x: (x.bessel_i(0) + x.bessel_i(2)) / 2, -700, 700),
    "i1e": _both(lambda x: (-abs(x)).exp() * x.bessel_i(1), lambda x: _scaled_slope(1, x), -1e4, 1e4),
    "gammainc(2.5, x)": _both(lambda x: x.gamma_lower(Ball(2.5), 1), lambda x: _gamma_density(x), 0, 1e3),
    "gammaincc(2.5, x)": _both(lambda x: x.gamma_upper(Ball(2.5), 1), lambda x: -_gamma_density(x), 0, 700),
    "xlogy(1.5, x)": _both(lambda x: Ball(1.5) * x.log(), lambda x: Ball(1.5) / x, 0),
    "xlog1py(1.5, x)": _both(lambda x: Ball(1.5) * x.log1p(), lambda x: Ball(1.5) / (1 + x), -1),
    "entr": _both(lambda x: -x * x.log(), lambda x: -x.log() - 1, 0),
    "logaddexp(x, 1.5)": _both(lambda x: x + _softplus(Ball(1.5) - x), lambda x: _sigmoid(x - Ball(1.5)), -800, 800),
    "logaddexp2(x, 1.5)": _both(
        lambda x: x + _softplus((Ball(1.5) - x) * LN2()) / LN2(),
        lambda x: _sigmoid((x - Ball(1.5)) * LN2()),
        -1100,
        1100,
    ),
    "atan2(x, 1.5)": _both(lambda x: (x / Ball(1.5)).atan(), lambda x: Ball(1.5) / (x * x + Ball(2.25))),
    "hypot(x, 1.5)": _both(lambda x: (x * x + Ball(2.25)).sqrt(), lambda x: x * (x * x + Ball(2.25)).rsqrt()),
    "pow(x, 1.5)": _both(lambda x: x * x.sqrt(), lambda x: Ball(1.5) * x.sqrt(), 0),
    "pow(1.5, x)": _both(
        lambda x: (x * Ball(1.5).log()).exp(), lambda x: Ball(1.5).log() * (x * Ball(1.5).log()).exp(), -1800, 1750
    ),
}


def _scaled_slope(n: int, x: Ball) -> Ball:
    """The derivative of exp(-|x|) I_n(x)."""
    own = x.bessel_i(1) if n == 0 else (x.bessel_i(0) + x.bessel_i(2)) / 2
    sign = 1 if x > 0 else -1 if x < 0 else 0
    return (-abs(x)).exp() * (own - sign * x.bessel_i(n))


def _gamma_density(x: Ball) -> Ball:
    return (Ball(1.5) * x.log() - x).exp() / Ball(2.5).gamma()


@lru_cache(maxsize=2**14)  # of one sample, for every framework
def exact(name: str, x: float, derivative: bool = False) -> Ball | None:
    """The exact value at a float, to 2^-100 of its size; None where it is not finite or does not settle.

    Args:
        name: one of FUNCTIONS.
        x: a float64.
        derivative: whether that of the function is meant.
    """
    function = FUNCTIONS[name].slope if derivative else FUNCTIONS[name].value
    for bits in BITS:
        flint.ctx.prec = bits
        try:
            value = function(Ball(x))
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if value.is_finite() and (value.is_zero() or value.rel_accuracy_bits() > 100):
            return value
    return None


class FunctionErrors(NamedTuple):
    """What came of some inputs: the errors (N,) in ulps where the exact value is normal, and what lies below."""

    ulps: np.ndarray
    subnormal: int
    flushed: int
    below: float


def errors(name: str, x: np.ndarray, got: np.ndarray, dtype: str, derivative: bool) -> FunctionErrors:
    """How far what came is from exact.

    Args:
        name: one of FUNCTIONS.
        x, got: inputs and what came (N,).
        dtype: the format.
        derivative: whether that is meant.
    """
    format = format_of(dtype)
    found, small, zeros, below = np.zeros(len(x)), 0, 0, 0.0
    for k, (at, came) in enumerate(zip(x.tolist(), got.tolist(), strict=True)):
        value = exact(name, at, derivative)
        if value is None:
            continue
        flint.ctx.prec = BITS[1]
        size = abs(float(value.mid()))
        if size > format.largest:
            continue
        off = abs(float((Ball(came) - value).mid())) if np.isfinite(came) else inf
        if size >= format.smallest_normal:
            found[k] = off / float(ulp(size, dtype))
        else:
            held = size >= float(ulp(0.0, dtype))
            small, zeros, below = small + held, zeros + (held and came == 0), max(below, off / format.smallest_normal)
    return FunctionErrors(found, small, zeros, below)


def drawn(name: str, dtype: str, seed: int = 0) -> np.ndarray:
    """Inputs (N,) of the format: even over the middle of the range, even in their exponents, near ends and poles."""
    rng, format = np.random.RandomState(seed), format_of(dtype)
    low, high = (max(FUNCTIONS[name].low, -format.largest), min(FUNCTIONS[name].high, format.largest))
    middle = rng.uniform(max(low, -20.0), min(high, 20.0), DRAWN // 3)
    magnitudes = 2.0 ** rng.uniform(format.min_exponent, format.max_exponent, DRAWN // 3)
    around = [end + sign * 2.0 ** rng.uniform(-30, 2, DRAWN // 12) for end in (low, high, 1.0, 2.0) for sign in (-1, 1)]
    near = 2.0 ** rng.uniform(-12, np.log2(min(max(abs(low), abs(high)), 2.0**60)), DRAWN // 3)
    every = np.concatenate([middle, magnitudes, -magnitudes, near, -near, *around]).astype(dtype).astype(np.float64)
    return np.unique(every[(every > low) & (every < high) & (every != 0)])


def _neighbours(x: np.ndarray, rng: np.random.RandomState, dtype: str, name: str) -> np.ndarray:
    """Numbers of the format beside the worst ones, nearer and farther."""
    spread = np.ldexp(1.0, rng.randint(-format_of(dtype).precision, -3, (len(x), CHILDREN)))
    there = (x[:, None] * (1 + spread * rng.choice([-1, 1], spread.shape))).astype(dtype).astype(np.float64).ravel()
    return there[(there > FUNCTIONS[name].low) & (there < FUNCTIONS[name].high)]


Say = Callable[[str], None]


def measure(
    twins: list[str],
    names: list[str],
    dtypes: list[str],
    device: str = "cpu",
    whole: bool = False,
    say: Say = lambda _: None,
) -> Iterator[Maximum]:
    """The largest error of each function and of its derivative, in each framework and format.

    Args:
        twins: names of their modules.
        names: some of FUNCTIONS.
        dtypes: "float32", "float64".
        device: "cpu" or "cuda".
        whole: whether float32 is swept over its whole range.
        say: told how long a sweep takes.

    Raises:
        ValueError: for a name that is none, or a device that is not there.
    """
    for name in names:
        if name not in FUNCTIONS:
            raise ValueError(f"{name!r} is no function of the table; give some of {', '.join(FUNCTIONS)}")
    found = [(load_twin(twin), load_part(twin, "bridge.functions").computed) for twin in twins]
    for (module, _), twin in zip(found, twins, strict=True):
        if device not in module.devices():
            raise ValueError(f"{twin} has no device {device!r} here; give one of {', '.join(module.devices())}")
    for name, derivative, dtype, (module, computed) in product(names, (False, True), dtypes, found):
        framework, version = next(iter(module.versions().items()))
        ask = _asked(computed, name, dtype, device, derivative)
        looked, kind = _searched(ask, name, dtype, derivative), "searched"
        if whole and dtype == "float32":
            wide = _asked(computed, name, "float64", device, derivative)
            looked, kind = _swept(ask, wide, looked, name, derivative, ALL, say), "exhaustive"
        yield Maximum(
            function=name + ("'" if derivative else ""),
            framework=framework,
            version=version,
            mode="jit" if framework == "jax" else "eager",
            device=device,
            instructions=instructions(),
            dtype=dtype,
            kind=kind,
            **looked,
            date=datetime.now(UTC).date().isoformat(),
            command=f"logreg-parity passport functions{' --whole' if kind == 'exhaustive' else ''}",
        )


def _asked(computed: Any, name: str, dtype: str, device: str, derivative: bool) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: computed(name, x, dtype, device, derivative)


def _searched(ask: Callable, name: str, dtype: str, derivative: bool) -> dict[str, Any]:
    """The worst of a sample, and of what climbing from its worst places finds."""
    rng = np.random.RandomState(1)
    x = drawn(name, dtype)
    found = errors(name, x, ask(x), dtype, derivative)
    inputs, subnormal, flushed, below = len(x), found.subnormal, found.flushed, found.below
    points, off = x, found.ulps
    for _ in range(ROUNDS):
        best = np.argsort(off)[::-1][:PARENTS]
        points, off = points[best], off[best]
        if not off[0] or np.isinf(off[0]):
            break
        there = _neighbours(points, rng, dtype, name)
        more = errors(name, there, ask(there), dtype, derivative)
        inputs += len(there)
        points, off = np.concatenate([points, there]), np.concatenate([off, more.ulps])
    worst = int(np.argmax(off))
    largest = float(off[worst]) if np.isinf(off[worst]) else float(np.ceil(1e6 * off[worst]) / 1e6)
    return {
        "inputs": inputs, "largest": largest, "at": float(points[worst]),
        "subnormal": subnormal, "flushed": flushed, "below": below,
    }  # fmt: skip


def _swept(
    ask: Callable, wide: Callable, looked: dict[str, Any], name: str, derivative: bool, blocks: range, say: Say
) -> dict[str, Any]:
    """Every float32 of the range held to the framework's own float64, the worst of each block to Arb."""
    low, high = FUNCTIONS[name].low, FUNCTIONS[name].high
    start, inputs, worst = monotonic(), 0, np.empty(0)
    for k in blocks:
        bits = np.arange(k * BLOCK, (k + 1) * BLOCK, dtype=np.uint32).view(np.float32)
        x = np.concatenate([bits, -bits]).astype(np.float64)
        x = x[(x > low) & (x < high) & (x != 0)]
        inputs += len(x)
        if len(x):
            with np.errstate(invalid="ignore", over="ignore"):
                right, got = wide(x), ask(x)
                normal = (np.abs(right) >= format_of("float32").smallest_normal) & np.isfinite(got)
                off = np.where(normal, np.abs(got - right) / ulp(np.where(normal, right, 1.0), "float32"), 0.0)
            worst = np.concatenate([worst, x[np.argsort(off)[-2:]]])
        if k - blocks.start in (4, len(blocks) // 4, len(blocks) // 2):
            left = (blocks.stop - k) * (monotonic() - start) / (k - blocks.start + 1)
            say(f"{name}{chr(39) * derivative}: {left / 60:.1f} minutes to go")
    found = errors(name, worst, ask(worst), "float32", derivative).ulps
    if found.max(initial=0) > looked["largest"]:
        looked = looked | {"largest": float(found.max()), "at": float(worst[int(np.argmax(found))])}
    return looked | {"inputs": looked["inputs"] + inputs}


def picture(rows: Sequence[Maximum]) -> "Figure":
    """The largest error of every function and of its derivative, the worst above; beyond the edges it stands at them.

    Args:
        rows: of ``measure``; a function that is not among them has no line.
    """
    from matplotlib.figure import Figure

    worst: dict[str, float] = {}
    for row in rows:
        name = row.function.removesuffix("'")
        worst[name] = max(worst.get(name, 0.0), row.largest)
    names = sorted(worst, key=lambda name: worst[name])
    figure = Figure(figsize=(9, 1.6 + 0.17 * len(names)), layout="constrained")
    figure.suptitle("Largest errors of the frameworks' functions, in ulps")
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    for axis, end, title in zip(panels, ("", "'"), ("the function", "its derivative"), strict=True):
        kinds = product(enumerate(dict.fromkeys(row.framework for row in rows)), ("float32", "float64"))
        for shift, ((number, framework), dtype) in enumerate(kinds):
            found = {row.function: row.largest for row in rows if (row.framework, row.dtype) == (framework, dtype)}
            own = [(found[name + end], k) for k, name in enumerate(names) if name + end in found]
            x, y = np.clip([largest for largest, _ in own], *EDGES), [k + 0.45 - 0.3 * shift for _, k in own]
            colour = f"C{number}"
            face = colour if dtype == "float64" else "none"
            axis.scatter(x, y, s=12, facecolors=face, edgecolors=colour, label=f"{framework}, {dtype}")
        for digits in (24, 53):
            axis.axvline(2.0**digits, color="gray", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", title=title, xlabel="ulps (dotted: 2^24 and 2^53, no digit is left)")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", linewidth=0.3)
    panels[0].set_yticks(range(len(names)), names, fontsize=7)
    panels[0].set_ylim(-1, len(names))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure
