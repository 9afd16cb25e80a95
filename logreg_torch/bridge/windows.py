"""Convolutions, pools and orders: rules of ``words.py`` that look at a window, or at places.

Read beside ``logreg_jax/bridge/windows.py``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .rules import _applied


def _convolved(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    x, w, bias = args[:3]
    both = (mode.places[id(x)], mode.places[id(w)])
    without = (x, w, None, *args[3:])
    names = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
    options = dict(zip(names, args[3:], strict=True))
    made = mode.put("product", "convolution", both, func(*without), apply=_applied(func, without, {}), **options)
    if bias is None:
        return [made]
    shape = (1, -1, *(1,) * (outs[0].ndim - 2))
    row = mode.put("move", "reshape", (mode.places[id(bias)],), bias.reshape(shape),
                   apply=lambda arrays: arrays[0].reshape(shape))  # fmt: skip
    return [mode.put("add", "add", (made, row), outs[0])]


def _convolved_back(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    g, x, w, *rest, mask = args
    left, made = list(outs), []
    for k, (one, two) in enumerate(((g, w), (g, x))):
        if mask[k]:
            wanted = [k == 0, k == 1, False]
            call = lambda a, b, k=k, wanted=wanted: func(a, *((x, b) if k == 0 else (b, w)), *rest, wanted)[k]  # noqa: E731
            both = (mode.places[id(one)], mode.places[id(two)])
            made.append(
                mode.put("product", "convolution_backward", both, left.pop(0), apply=_applied(call, (one, two), {}))
            )
    if mask[2]:
        axes = [0, *range(2, g.ndim)]
        apply = _applied(torch.sum, (g, axes), {})
        made.append(mode.put("sum", "sum", (mode.places[id(g)],), left.pop(0), apply=apply))
    return made


def _pooled(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    x, (_, indices) = args[0], func(args[0].detach(), *args[1:], **kwargs)
    flat, shape = indices.reshape(*x.shape[:-2], -1).numpy(), tuple(outs[0].shape)

    def apply(arrays: Sequence[np.ndarray]) -> np.ndarray:
        rows = arrays[0].reshape(*x.shape[:-2], -1)
        return np.take_along_axis(rows, flat, -1).reshape(shape)

    size, stride, _, dilation = (list(given) for given in (*args[1:], [], [0, 0], [1, 1])[:4])
    options = {"size": size, "stride": stride or size, "dilation": dilation}
    return [mode.put("move", "max_pool2d", (mode.places[id(x)],), outs[0], apply=apply, **options)]


def _pooled_back(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    rest = [x.detach().clone() if isinstance(x, Tensor) else x for x in args[1:]]
    apply = lambda arrays: func(torch.tensor(arrays[0]), *rest, **kwargs).numpy()  # noqa: E731
    return [mode.put("sum", "max_pool2d_backward", (mode.places[id(args[0])],), outs[0], apply=apply)]


_AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


def _averaged(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    """A sum over each window, and a division by how many numbers count in it."""
    x, options = args[0], dict(zip(_AVERAGE, args[1:], strict=False)) | kwargs
    total = lambda x: func(x, **options | {"divisor_override": 1})  # noqa: E731
    counts = mode.put("constant", "constant", (), _counted(func, x, options))
    made = mode.put("sum", "sum", (mode.places[id(x)],), total(x.detach()), apply=_applied(total, (x,), {}))
    return [mode.put("div", "avg_pool", (made, counts), outs[0])]


def _averaged_back(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    g, x = args[:2]
    options = dict(zip(_AVERAGE, args[2:], strict=False)) | kwargs
    forward = getattr(torch.ops.aten, func._schema.name.removeprefix("aten::").removesuffix("_backward")).default
    counts = _counted(forward, x, options)
    both = (mode.places[id(g)], mode.put("constant", "constant", (), counts))
    made = mode.put("div", "avg_pool_backward", both, g.detach() / counts)
    back = lambda g: func(g, x.detach(), **options | {"divisor_override": 1})  # noqa: E731
    return [mode.put("sum", "sum", (made,), outs[0], apply=_applied(back, (g,), {}))]


def _counted(func: Any, x: Tensor, options: dict[str, Any]) -> Tensor:
    """What each window is divided by."""
    ones = torch.ones_like(x)
    return torch.round(func(ones, **options | {"divisor_override": 1}) / func(ones, **options))


def _sorted(mode: Any, func: Any, args: Any, kwargs: Any, outs: list[Tensor]) -> list[int]:
    found = func(args[0].detach(), *args[1:], **kwargs)
    axis = next((a for a in args[2 if "topk" in func._schema.name else 1 :] if type(a) is int), -1)
    axis, indices = kwargs.get("dim", axis), found[1].numpy()
    apply = lambda arrays: np.take_along_axis(arrays[0], indices, axis)  # noqa: E731
    return [mode.put("move", "sort", (mode.places[id(args[0])],), outs[0], apply=apply)]
