"""Right pairs drawn at random, 1 to 20 layers deep; ``python -m parity_tests.ports.random_pairs 200`` counts alarms.

Each layer is a torch module and a JAX function of its parameters, written apart; every pair is held together in float64
and float32.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from logreg_parity import check


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x):
        return x + torch.tanh(self.inner(x))


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def layer_norm(p, x):
    away = x - x.mean(-1, keepdims=True)
    return away / jnp.sqrt((away**2).mean(-1, keepdims=True) + 1e-5) * p["weight"] + p["bias"]


def group_norm(p, x):
    away = x.reshape(len(x), 2, -1)
    away = away - away.mean(-1, keepdims=True)
    away = away * jax.lax.rsqrt(jnp.mean(away * away, -1, keepdims=True) + 1e-5)
    return away.reshape(x.shape) * p["weight"] + p["bias"]


def rms_norm(p, x):
    return x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["weight"]


def batch_norm(p, x):
    return (x - x.mean(0)) * jax.lax.rsqrt(x.var(0) + 1e-5) * p["weight"] + p["bias"]


LAYERS = {
    "linear": (lambda n: nn.Linear(n, n), dense),
    "residual": (Residual, lambda p, x: x + jnp.tanh(dense(p["inner"], x))),
    "layer norm": (nn.LayerNorm, layer_norm),
    "group norm": (lambda n: nn.GroupNorm(2, n), group_norm),
    "rms norm": (lambda n: nn.RMSNorm(n, eps=1e-6), rms_norm),
    "batch norm": (nn.BatchNorm1d, batch_norm),
    "tanh": (lambda n: nn.Tanh(), lambda p, x: jnp.tanh(x)),
    "relu": (lambda n: nn.ReLU(), lambda p, x: jnp.maximum(x, 0)),
    "gelu": (lambda n: nn.GELU(), lambda p, x: x * (1 + jax.lax.erf(x / jnp.sqrt(2.0))) / 2),
    "gelu, tanh": (lambda n: nn.GELU(approximate="tanh"), lambda p, x: jax.nn.gelu(x)),
    "silu": (lambda n: nn.SiLU(), lambda p, x: x / (1 + jnp.exp(-x))),
    "softplus": (lambda n: nn.Softplus(), lambda p, x: jnp.logaddexp(x, 0)),
    "elu": (lambda n: nn.ELU(), lambda p, x: jnp.where(x > 0, x, jnp.expm1(jnp.minimum(x, 0)))),
    "softmax": (lambda n: nn.Softmax(-1), lambda p, x: jax.nn.softmax(x, -1)),
}


def pair(seed):
    """(names of the layers, the torch model and its loss, the JAX function, the batch)."""
    rng = np.random.RandomState(seed)
    torch.manual_seed(seed)
    width, rows = int(rng.choice([4, 6, 8])), int(rng.randint(3, 9))
    names = ["linear", *rng.choice(sorted(LAYERS), rng.randint(0, 20))]
    model = nn.Sequential(*(LAYERS[name][0](width) for name in names))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.6)
    batch = {"x": rng.randn(rows, width), "y": rng.randint(0, width, rows), "t": rng.randn(rows, width)}
    classes, total = bool(rng.randint(2)), bool(rng.randint(2))
    reduction = "sum" if total else "mean"

    def loss(model, batch):
        z = model(batch["x"])
        if classes:
            return nn.functional.cross_entropy(z, batch["y"], reduction=reduction)
        return nn.functional.mse_loss(z, batch["t"], reduction=reduction)

    def port(params, batch):
        z = batch["x"]
        for k, name in enumerate(names):
            z = LAYERS[name][1](params.get(str(k), {}), z)
        each = jax.nn.logsumexp(z, -1) - z[jnp.arange(len(z)), batch["y"]] if classes else (z - batch["t"]) ** 2
        return each.sum() if total else each.mean()

    tree = {}
    for name, parameter in model.named_parameters():
        node = tree
        *path, last = name.split(".")
        for part in path:
            node = node.setdefault(part, {})
        node[last] = jax.ShapeDtypeStruct(tuple(parameter.shape), jnp.float32)
    return names, model, loss, port, tree, batch


def judged(seed):
    """The names of the layers, and the report."""
    names, model, loss, port, tree, batch = pair(seed)
    return names, check(model, port, batch, torch_loss=loss, jax_params=tree, samples=8, steps=1, seed=seed)


def main(count, start=0):
    """Print a line for each pair that is not within, and the sums."""
    verdicts, formulas, begun = {}, {}, time.process_time()
    for seed in range(start, start + count):
        names, report = judged(seed)
        verdicts[report.verdict] = verdicts.get(report.verdict, 0) + 1
        formulas[report.formula] = formulas.get(report.formula, 0) + 1
        if report.verdict != "within" or report.formula != "the same":
            print(f"seed {seed}, {len(names)} layers: {report.verdict}; {report.exactly} {report.cause}", flush=True)
        seconds = (time.process_time() - begun) / (seed - start + 1)
        print(
            f"{seed - start + 1} of {count}: {verdicts}, {formulas}, {seconds:.1f} s of processor time each", flush=True
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
