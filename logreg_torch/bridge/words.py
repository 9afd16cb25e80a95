"""What arithmetic each operation is, in the words of ``logreg_parity.ports.recording``.

Read beside ``logreg_jax/bridge/words.py``. An operation that is not here is written down by its own name, without a
rule: the exact value is then not stated, and the rest goes on.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves

from .compiler import _decomposition
from .rules import _added, _applied, _clamped, _largest, _mean, _place, _product_and, _scattered, _selected, _variance
from .windows import (
    _averaged,
    _averaged_back,
    _convolved,
    _convolved_back,
    _pooled,
    _pooled_back,
    _sorted,
)

_MOVES = set(
    """_conj _reshape_alias _unsafe_index _unsafe_view alias as_strided cat chunk clone conj_physical constant_pad_nd
    contiguous copy detach
    diag_embed diagonal embedding expand expand_as flatten flip gather im2col index index_select lift_fresh
    lift_fresh_copy movedim narrow permute pixel_shuffle
    pixel_unshuffle ravel repeat reshape roll select select_backward select_scatter slice
    slice_backward slice_scatter split split_with_sizes squeeze stack swapaxes t tensor_split transpose tril triu unbind
    unflatten unfold unsafe_split unsqueeze view view_as view_copy""".split()  # noqa: SIM905
)
_SUMS = set(
    """_index_put_impl _unsafe_index_put col2im cumsum diagonal_backward embedding_dense_backward index_add index_put
    scatter_add sum trace unfold_backward upsample_nearest1d_backward upsample_nearest2d_backward
    upsample_nearest3d_backward""".split()  # noqa: SIM905
)
_POINTWISE = set(
    """abs acos acosh asin asinh atan atan2 atanh ceil cos cosh digamma div erf erfc erfinv exp exp2 expm1 floor lgamma
    log log10 log1p log2 maximum minimum mul neg polygamma pow reciprocal round rsqrt sgn sigmoid sign sin sinh
    special_erfinv special_xlogy special_zeta sqrt square tan tanh trunc xlogy""".split()  # noqa: SIM905
)
_NAMES = {"sigmoid": "logistic", "special_erfinv": "erfinv", "special_xlogy": "xlogy", "special_zeta": "zeta"}


def _translate(mode: Any, func: Any, name: str, args: Any, kwargs: Any, out: Any) -> None:
    """Write an operation down, and remember where its results stand."""
    outs = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    real = [x for x in tensors if x.is_floating_point() or x.is_complex()]  # complex numbers are made of real ones
    if name in ("_local_scalar_dense", "item") and real:
        mode.recording.gaps.append("a number is taken out of a tensor (.item())")
    made: list[int] = []
    if any(x.is_floating_point() or x.is_complex() for x in outs):
        inexact = [x for x in outs if x.is_floating_point() or x.is_complex()]
        made = _made(mode, func, name, args, kwargs, inexact, real)
    for value in outs:
        if value.is_floating_point() or value.is_complex():
            mode.keep(value, made.pop(0))
        else:
            mode.keep(value, mode.put("given", name, (), value))


def _made(mode: Any, func: Any, name: str, args: Any, kwargs: Any, outs: list[Tensor], real: list[Tensor]) -> list[int]:
    """The places of the real results, all of the operations that make them written down."""
    if not real or name.startswith(("new_", "zeros", "ones", "full", "empty", "fill", "zero", "rand", "bernoulli")):
        return [mode.put("constant", name, (), value) for value in outs]
    if name in _RULES:
        return _RULES[name](mode, func, args, kwargs, outs)
    places = tuple(mode.places[id(x)] for x in real)
    if any(x.is_complex() for x in (*real, *outs)):
        return [mode.put(name, name, places, value) for value in outs]
    if name in _MOVES or name in _SUMS:
        adds = name in _SUMS and not (name.endswith("index_put") and not any(a is True for a in args))
        word = "sum" if adds else "move"
        return [mode.put(word, name, places, v, apply=_applied(func, args, kwargs, k)) for k, v in enumerate(outs)]
    if name in ("mm", "bmm", "mv", "dot"):
        return [mode.put("product", name, places, outs[0], apply=_applied(func, args, kwargs))]
    if name in ("_to_copy", "convert_element_type", "to"):
        return [mode.put("cast", name, places, outs[0], dtype=str(outs[0].dtype).removeprefix("torch."))]
    if name in _POINTWISE and not kwargs.get("rounding_mode"):
        both = tuple(_place(mode, x) for x in args if isinstance(x, Tensor | int | float))
        return [mode.put(_NAMES.get(name, name), name, both, outs[0])]
    return [mode.put(name, name, places, value) for value in outs]


_RULES: dict[str, Callable[..., list[int]]] = (
    dict.fromkeys(("add", "sub", "rsub"), _added)
    | dict.fromkeys(("addmm", "baddbmm"), _product_and)
    | dict.fromkeys(("var", "var_mean"), _variance)
    | dict.fromkeys(("amax", "amin", "max", "min"), _largest)
    | dict.fromkeys(("where", "masked_fill"), _selected)
    | dict.fromkeys(("clamp", "clamp_min", "clamp_max", "relu", "hardtanh"), _clamped)
    | dict.fromkeys(("sort", "topk"), _sorted)
    | dict.fromkeys(("avg_pool2d", "avg_pool3d"), _averaged)
    | dict.fromkeys(("avg_pool2d_backward", "avg_pool3d_backward"), _averaged_back)
    | {
        "mean": _mean,
        "convolution": _convolved,
        "convolution_backward": _convolved_back,
        "scatter": _scattered,
        "max_pool2d_with_indices": _pooled,
        "max_pool2d_with_indices_backward": _pooled_back,
    }
)


def _parts_of(func: Any, name: str) -> Callable | None:
    """What does the same in several operations, where that is needed."""
    known = name in _RULES or name in _MOVES or name in _SUMS or name in _POINTWISE
    return _decomposition(func, name, known)
