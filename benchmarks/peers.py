"""What people use instead, as they would write it: loops by hand, other libraries' gradients and solvers.

Every solver here is handed the same objective as the twins: the mean loss and (l2 / 2) ‖w‖², the intercept free. What
each library calls its penalty is translated, and ``optimum.py`` proves for every run which minimiser it reached.
"""

import warnings
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numba
import numpy as np
import optax
import torch
from sklearn.linear_model import LogisticRegression
from statsmodels.api import Logit

from logreg_parity.data.dataset import Parameters

# The same threads whether or not TBB came in with scikit-learn-intelex; numba would prefer it.
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]


def torch_by_hand(X, y, steps: int, learning_rate: float) -> tuple[np.ndarray, float]:
    """nn.Linear, BCEWithLogitsLoss and torch.optim.SGD, every loss read: what most people write. Sum of losses."""
    model = torch.nn.Linear(X.shape[1], 1)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(X)[:, 0], y)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return model.weight.detach()[0].numpy(), model.bias.item()


def numpy_by_hand(X, y, steps: int, learning_rate: float) -> tuple[np.ndarray, float]:
    """The loop in NumPy with every loss."""
    w, b = np.zeros(X.shape[1], X.dtype), X.dtype.type(0)
    losses = []
    for _ in range(steps):
        z = X @ w + b
        losses.append(np.logaddexp(0, (1 - 2 * y) * z).sum())
        r = 1 / (1 + np.exp(-z)) - y
        w, b = w - learning_rate * (X.T @ r), b - learning_rate * r.sum()
    return w, b


@numba.njit(fastmath=True)
def loop(X, y, steps, learning_rate):
    """The loop as one would write it in C, with every loss, compiled by numba: the floor."""
    w, b = np.zeros(X.shape[1], X.dtype), X.dtype.type(0)
    losses = np.empty(steps, X.dtype)
    slope, one = np.empty_like(w), X.dtype.type(1)
    rate = X.dtype.type(learning_rate)
    for step in range(steps):
        loss, shift = X.dtype.type(0), X.dtype.type(0)
        slope[:] = 0
        for i in range(len(y)):
            z = b
            for j in range(len(w)):
                z += X[i, j] * w[j]
            e = np.exp(-abs(z))
            r = (one if z >= 0 else e) / (one + e) - y[i]
            loss += max(z, 0) - y[i] * z + np.log1p(e)
            shift += r
            for j in range(len(w)):
                slope[j] += r * X[i, j]
        losses[step] = loss
        for j in range(len(w)):
            w[j] -= rate * slope[j]
        b -= rate * shift
    return w, b, losses


@numba.njit(parallel=True, fastmath=True)
def fused_gradient(X, y, w, b):
    """Mean loss and gradient with one reading of X, row by row on all threads, sums in float64."""
    n, d = X.shape
    workers = numba.get_num_threads()
    slopes, shifts, losses = np.zeros((workers, d)), np.zeros(workers), np.zeros(workers)
    for k in numba.prange(workers):
        block = np.zeros(d, X.dtype)
        for i in range(k * n // workers, (k + 1) * n // workers):
            z = b
            for j in range(d):
                z += X[i, j] * w[j]
            e = np.exp(-abs(z))
            r = (X.dtype.type(1) if z >= 0 else e) / (X.dtype.type(1) + e) - y[i]
            losses[k] += max(z, 0) - y[i] * z + np.log1p(e)
            shifts[k] += r
            for j in range(d):
                block[j] += r * X[i, j]
            if i % 1024 == 0:  # so that float32 sums stay short
                slopes[k] += block
                block[:] = 0
        slopes[k] += block
    return losses.sum() / n, slopes.sum(axis=0) / n, shifts.sum() / n


def torch_gradient(X, y, w, b):
    """Value and gradient by nn.Linear's product, the fused loss and autograd: plain eager PyTorch."""
    w, b = w.detach().requires_grad_(), b.detach().requires_grad_()
    value = torch.nn.functional.binary_cross_entropy_with_logits(X @ w + b, y)
    return value.detach(), *torch.autograd.grad(value, (w, b))


@jax.jit
def jax_gradient(X, y, w, b):
    """Value and gradient as most people write them in JAX."""

    def loss(parameters):
        z = X @ parameters[0] + parameters[1]
        return jnp.mean(jnp.logaddexp(0, (1 - 2 * y) * z))

    value, (dw, db) = jax.value_and_grad(loss)((w, b))
    return value, dw, db


ITERATIONS = 300
EPOCHS = 50  # of the stochastic solvers: already longer than the others take to the end
SKLEARN_SOLVERS = {
    "lbfgs": ITERATIONS,
    "newton-cholesky": ITERATIONS,
    "newton-cg": ITERATIONS,
    "liblinear": ITERATIONS,
    "sag": EPOCHS,
    "saga": EPOCHS,
}
"""And how many iterations each may take."""
TOLERANCES = (1e-5, 1e-6, 1e-7, 1e-8, 1e-10)
"""From loose to tight; each peer is timed at the loosest with which it reaches the target."""


def sklearn_fit(X, y, l2: float, solver: str, tolerance: float, kind=LogisticRegression) -> Parameters:
    """scikit-learn's LogisticRegression, whose C is 1 / (l2 N)."""
    model = kind(C=1 / (l2 * len(y)), solver=solver, tol=tolerance, max_iter=SKLEARN_SOLVERS[solver])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge shows in where it ended
        model.fit(X, y)
    return Parameters(model.coef_[0], model.intercept_[0])


def accelerated() -> type[LogisticRegression] | None:
    """scikit-learn-intelex's LogisticRegression; None where it is not installed. Only x86-64 has wheels."""
    return import_module("sklearnex.linear_model").LogisticRegression if find_spec("sklearnex") else None


def sklearnex_fit(X, y, l2: float, solver: str, tolerance: float) -> Parameters:
    """The same by scikit-learn-intelex, whose tolerance is for the gradient of the sum of the losses.

    Raises RuntimeError if oneDAL took no part. On a CPU it computes for ``lbfgs`` alone and leaves other solvers to
    scikit-learn; its log says "running accelerated version" then too.
    """
    daal = import_module("daal4py")
    loss = daal.optimization_solver_logistic_loss
    with patch.object(daal, "optimization_solver_logistic_loss", wraps=loss) as onedal:
        found = sklearn_fit(X, y, l2, solver, tolerance * len(y), accelerated())
    if not onedal.called:
        raise RuntimeError(f"scikit-learn-intelex left {solver} to scikit-learn; time that as scikit-learn {solver}")
    return found


def statsmodels_fit(X, y) -> Parameters:
    """statsmodels' Logit, which has no penalty and no intercept of its own, at its defaults: Newton's method."""
    found = Logit(y, np.column_stack([X, np.ones(len(y))])).fit(disp=0).params
    return Parameters(found[:-1], found[-1])


def torch_lbfgs(X, y, l2: float, tolerance: float) -> Parameters:
    """torch.optim.LBFGS with its strong Wolfe line search on the plain loss."""
    w = torch.zeros(X.shape[1], dtype=X.dtype, device=X.device, requires_grad=True)
    b = torch.zeros((), dtype=X.dtype, device=X.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, b], max_iter=ITERATIONS, tolerance_grad=tolerance, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(X @ w + b, y) + l2 / 2 * (w * w).sum()
        value.backward()
        return value

    optimizer.step(closure)
    return Parameters(w.detach().cpu().numpy(), b.item())


@partial(jax.jit, static_argnames="steps")
def _optax_lbfgs(X, y, l2, tolerance, steps=ITERATIONS):
    solver = optax.lbfgs()

    def loss(parameters):
        z = X @ parameters[0] + parameters[1]
        return jnp.mean(jnp.logaddexp(0, (1 - 2 * y) * z)) + l2 / 2 * (parameters[0] ** 2).sum()

    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry):
        count, parameters, state, _ = carry
        value, slope = value_and_grad(parameters, state=state)
        update, state = solver.update(slope, state, parameters, value=value, grad=slope, value_fn=loss)
        return count + 1, optax.apply_updates(parameters, update), state, optax.tree.norm(slope)

    start = (jnp.zeros(X.shape[1], X.dtype), jnp.zeros((), X.dtype))
    going = lambda carry: (carry[0] < steps) & (carry[3] > tolerance)  # noqa: E731
    return jax.lax.while_loop(going, step, (0, start, solver.init(start), jnp.array(jnp.inf, X.dtype)))[1]


def optax_lbfgs(X, y, l2: float, tolerance: float) -> Parameters:
    """optax.lbfgs with its zoom line search on the plain loss, the whole run compiled."""
    w, b = _optax_lbfgs(X, y, l2, tolerance)
    return Parameters(np.asarray(w), float(b))
