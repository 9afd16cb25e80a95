"""Operations that are written down as several: the rules of ``words.py``.

Read beside ``logreg_jax/bridge/rules.py``. Each rule gets what writes, the operation, what it was given and its real
results, and returns the places of these; convolutions, pools and orders are in ``windows.py``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only


def _place(mode: Any, x: Any) -> int:
    """Where an operand stands; numbers, and tensors of whole numbers, are constants."""
    if isinstance(x, Tensor) and x.is_floating_point():
        return mode.places[id(x)]
    return mode.put("constant", "constant", (), np.asarray(x.numpy() if isinstance(x, Tensor) else x, np.float64))


def _applied(func: Any, args: Any, kwargs: Any, k: int = 0) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """The operation on other numbers."""
    keep = lambda x: x.detach() if x.is_floating_point() else x.detach().clone()  # noqa: E731
    frozen = tree_map_only(Tensor, keep, (args, kwargs))

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        left = iter(arrays)
        put = lambda x: torch.tensor(next(left), dtype=torch.float64) if x.is_floating_point() else x  # noqa: E731
        with torch.no_grad():
            a, b = tree_map_only(Tensor, put, frozen)
            return [x for x in tree_leaves(func(*a, **b)) if isinstance(x, Tensor)][k].numpy()

    return apply


def _added(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    word = func._schema.name.removeprefix("aten::").rstrip("_")
    a, b = (_place(mode, x) for x in args[:2])
    if word == "rsub":
        a, b, word = b, a, "sub"
    alpha = kwargs.get("alpha", args[2] if len(args) > 2 else 1)
    if alpha != 1:
        b = mode.put("mul", "mul", (b, _place(mode, alpha)), mode.recording.operations[b].value * float(alpha))
    return [mode.put(word, word, (a, b), outs[0])]


def _product_and(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    bias, a, b = args[:3]
    if kwargs.get("alpha", 1) != 1 or kwargs.get("beta", 1) != 1:
        return [mode.put("addmm with factors", "addmm", (), outs[0])]
    both = (mode.places[id(a)], mode.places[id(b)])
    apply = _applied(torch.matmul, (a, b), {})
    made = mode.put("product", "mm", both, torch.matmul(a.detach(), b.detach()), apply=apply)
    return [mode.put("add", "add", (made, mode.places[id(bias)]), outs[0])]


def _mean(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    n = args[0].numel() // max(1, outs[0].numel())
    rest = {k: v for k, v in kwargs.items() if k != "dtype"}
    inputs = (mode.places[id(args[0])],)
    made = mode.put("sum", "sum", inputs, outs[0] * n, apply=_applied(torch.sum, args, rest))
    return [mode.put("div", "div", (made, _place(mode, n)), outs[0])]


def _variance(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    x = args[0]
    axes = list(args[1]) if len(args) > 1 and isinstance(args[1], list | tuple) else list(range(x.ndim))
    flags = [x for x in args[1:] if isinstance(x, bool)]
    ddof = kwargs.get("correction", 1)
    ddof = int(flags[0]) if flags and "correction" not in func._overloadname else 1 if ddof is None else ddof
    n = int(np.prod([x.shape[i] for i in axes]))
    inputs = (mode.places[id(x)],)
    put = mode.put
    total = put("sum", "sum", inputs, x.sum(axes, keepdim=True), apply=_applied(torch.sum, (x, axes, True), {}))
    mean = x.mean(axes, keepdim=True)
    middle = put("div", "mean", (total, _place(mode, n)), mean)
    away = put("sub", "sub", (*inputs, middle), x - mean)
    square = put("square", "square", (away,), (x - mean) ** 2)
    keep = outs[0].ndim == x.ndim
    rest = put("sum", "sum", (square,), outs[0] * (n - ddof), apply=_applied(torch.sum, (x, axes, keep), {}))
    made = [put("div", "var", (rest, _place(mode, n - ddof)), outs[0], ddof=ddof)]
    if len(outs) > 1:
        shape = tuple(outs[1].shape)
        made.append(put("move", "mean", (middle,), outs[1], apply=lambda arrays: arrays[0].reshape(shape)))
    return made


def _largest(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    x = args[0]
    axes = args[1] if len(args) > 1 else list(range(x.ndim))
    axes = [axes] if isinstance(axes, int) else list(axes) or list(range(x.ndim))
    word = "reduce_max" if "max" in func._schema.name else "reduce_min"
    axes = tuple(axis % x.ndim for axis in axes)
    return [mode.put(word, word, (mode.places[id(x)],), outs[0], axes=axes, keep=outs[0].ndim == x.ndim)]


def _selected(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    name = func._schema.name.removeprefix("aten::").rstrip("_")
    mask, one, two = args[:3] if name == "where" else (args[1], args[2], args[0])
    return [mode.put("select", name, (_place(mode, one), _place(mode, two)), outs[0], mask=mask.numpy().copy())]


def _filled(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    mask = func(torch.zeros_like(args[0]), *args[1:-1], 1.0, **kwargs).numpy() != 0
    inputs = (_place(mode, args[-1]), mode.places[id(args[0])])
    return [mode.put("select", "scatter", inputs, outs[0], mask=mask)]


def _scattered(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    if not isinstance(args[-1], Tensor):
        return _filled(mode, func, args, kwargs, outs)
    both = (mode.places[id(args[0])], mode.places[id(args[-1])])
    return [mode.put("move", "scatter", both, outs[0], apply=_applied(func, args, kwargs))]


def _clamped(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    name = func._schema.name.removeprefix("aten::").rstrip("_")
    limits = {"min": kwargs.get("min"), "max": kwargs.get("max")}
    given = list(args[1:])
    if name in ("clamp", "clamp_min", "hardtanh") and given:
        limits["min"] = given.pop(0)
    if given:
        limits["max"] = given.pop(0)
    if name == "relu":
        limits["min"] = 0.0
    place, value = mode.places[id(args[0])], args[0].detach()
    for word, limit in (("maximum", limits["min"]), ("minimum", limits["max"])):
        if limit is not None:
            value = getattr(torch, word)(value, torch.as_tensor(limit, dtype=value.dtype))
            place = mode.put(word, name, (place, _place(mode, limit)), value)
    return [place]
