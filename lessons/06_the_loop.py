# %% [markdown]
# # 6. The loop
#
# **Afterwards you can** write gradient descent in both frameworks, repeat a published run to its last digit, and say
# what makes a loop fast. About 30 minutes.
#
# Take the slope, take a small step against it, repeat. That is all of training:
#
# $$\theta \leftarrow \theta - \eta\, \nabla L(\theta)$$
#
# ## Your turn


# %%
# %matplotlib inline
import time

import jax
import numpy as np
import torch

import logreg_jax.workshop
import logreg_torch.workshop
from logreg_parity import Parameters, grade, published_2021
from logreg_parity.data.dataset import batches
from logreg_parity.teach import pictures
from logreg_parity.truth import reference
from logreg_parity.truth.optimum import find_optimum


# %%
def initialize_linear_params():
    """A starting point {"w": ..., "b": ...}: two draws from the standard normal distribution."""
    ...


grade("initialize_linear_params", initialize_linear_params)


# %%
def model_optimization_loop(theta, model, loss, x, y, n_steps=3000, step_size=0.001):
    """(losses after each step, theta after the last); the caller's theta stays as it is."""
    ...


grade("model_optimization_loop", model_optimization_loop)

# %% [markdown]
# ## A page from 2021, to its last digit
#
# A page printed in 2021 shows the starting point and the result of 5000 steps. It does not show its labels, but of
# the 32 data sets of lesson 2 just one leads from the one to the other. Here is the run, in both frameworks:

# %%
dataset, start = published_2021()
x, y = dataset.X[:, 0], dataset.y
theta = {"w": start.weight[0], "b": start.bias}
printed = ("2.5260236", "1.4088745")
losses = {}
for workshop in (logreg_torch.workshop, logreg_jax.workshop):
    values, fitted = workshop.model_optimization_loop(
        theta, workshop.logistic_model, workshop.logistic_loss, x, y, n_steps=5000, step_size=1e-4
    )
    found = tuple(str(np.float32(float(fitted[name]))) for name in ("w", "b"))
    print(workshop.__name__, *found)
    assert found == printed
    losses[workshop.__name__] = np.array(values)

# %%
pictures.runs(losses, "The published run: the loss after every step")

# %% [markdown]
# Has it arrived? The loss still falls. The judge can prove where the optimum is:

# %%
best = find_optimum(dataset, reduction="sum")
reached = Parameters(np.array([float(fitted["w"])]), float(fitted["b"]))
print(f"the optimum: w = {best.parameters.weight[0]:.4f}, b = {best.parameters.bias:.4f}, loss {best.value:.4f};")
print(f"the run stopped at loss {losses['logreg_jax.workshop'][-1]:.4f}. What is missing is steps, not digits.")
pictures.curves(dataset, {"the start": start, "after 5000 steps": reached, "the optimum": best.parameters})

# %% [markdown]
# ## Some rows at a time, and momentum
#
# With many rows one looks at a **mini-batch** a step: cheaper, and noisier: the loss over all
# rows may rise from one step to the next. **Momentum** keeps a running direction:
# $v \leftarrow \mu v + \nabla L$, $\theta \leftarrow \theta - \eta v$. Both are two lines away from the loop.

# %%
STEPS, RATE = 300, 1e-2


def walk(momentum=0.0, batch_size=100):
    point, velocity, values = reference.flatten(start), np.zeros(2), []
    for rows in batches(100, batch_size, STEPS):
        at = Parameters(point[:1], point[1])
        _, slope = reference.value_and_grad(at, dataset.X[rows], y[rows], reduction="sum")
        velocity = momentum * velocity + reference.flatten(slope) * (100 / batch_size)
        point = point - RATE * velocity
        at = Parameters(point[:1], point[1])
        values.append(reference.objective(at, dataset.X, y, reduction="sum"))
    return np.array(values)


walks = {"all rows": walk(), "2 rows a step": walk(batch_size=2), "momentum 0.9": walk(momentum=0.9)}
for name, values in walks.items():
    rises = np.sum(np.diff(values) > 0)
    print(f"{name:>15}: loss {values[-1]:.3f} after {STEPS} steps; it rose {rises} times on the way")
assert (np.diff(walks["2 rows a step"]) > 0).any() and not (np.diff(walks["all rows"]) > 0).any()

# %%
pictures.runs(walks, f"Three walks with step size {RATE}")

# %% [markdown]
# ## From a Python loop to a compiled one
#
# The sum over 100 rows is nothing for a processor. What costs time is asking for it: each Python line wakes the
# framework, which looks at types and shapes and starts a small piece of work. A compiler is told the whole loop once.


# %%
def microseconds(run, steps):
    """Time of a step: the best of three calls, after one for warming up and compiling."""
    times = []
    for _ in range(4):
        began = time.perf_counter()
        run(steps)
        times.append(time.perf_counter() - began)
    return 1e6 * min(times[1:]) / steps


X1 = np.column_stack([x, np.ones(100)]).astype(np.float32)
labels, first = y.astype(np.float32), reference.flatten(start).astype(np.float32)


def numpy_loop(steps):
    point = first
    for _ in range(steps):
        point = point - np.float32(1e-4) * ((1 / (1 + np.exp(-(X1 @ point))) - labels) @ X1)
    return point


def torch_loop(steps):
    point, features, answers = torch.tensor(first, requires_grad=True), torch.tensor(X1), torch.tensor(labels)
    optimizer = torch.optim.SGD([point], lr=1e-4)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(features @ point, answers, reduction="sum").backward()
        optimizer.step()
    return point.detach().numpy()


def jax_loss(point):
    z = X1 @ point
    return (jax.nn.softplus(z) - labels * z).sum()


def jax_step(point, _=None):
    return point - 1e-4 * jax.grad(jax_loss)(point), None


def jax_loop(steps, step=jax_step):
    point = jax.numpy.asarray(first)
    for _ in range(steps):
        point, _ = step(point)
    return np.asarray(point)


jitted = jax.jit(jax_step)
scanned = jax.jit(lambda point, steps: jax.lax.fori_loop(0, steps, lambda _, at: jax_step(at)[0], point))
engines = {
    "JAX, every operation from Python": (jax_loop, 20),
    "PyTorch, every operation from Python": (torch_loop, 200),
    "JAX, a step compiled": (lambda steps: jax_loop(steps, jitted), 2000),
    "NumPy, by hand": (numpy_loop, 2000),
    "JAX, the loop compiled": (lambda steps: np.asarray(scanned(first, steps)), 20000),
}
taken = {name: microseconds(run, steps) for name, (run, steps) in engines.items()}
for name, time_of_a_step in taken.items():
    print(f"{name:>37}: {time_of_a_step:9.2f} µs a step")
print(f"The slowest takes {max(taken.values()) / min(taken.values()):.0f} times as long as the fastest.")

# %% [markdown]
# Nothing changed but who runs the loop, and how often Python is asked. It *is* the same mathematics:

# %%
ends = np.array([run(50) for run, _ in engines.values()])
print("largest distance after 50 steps:", np.ptp(ends, axis=0).max())

# %% [markdown]
# The twins have such engines built in. Each takes the very same steps, and the judge certifies each like a twin:

# %%
for twin in (logreg_torch, logreg_jax):
    run = twin.train(dataset, start, steps=5000, learning_rate=1e-4, reduction="sum", engine="fast")
    print(f"{twin.__name__}, {run.engine}: w = {run.parameters.weight[0]:.6f}, b = {run.parameters.bias:.6f}")

# %% [markdown]
# ## Three questions
#
# <details><summary>PyTorch's loss climbs although your formulas are right. What is often missing?</summary>
#
# `zero_grad()`: PyTorch adds each gradient to the last one.
#
# </details>
#
# <details><summary>Sum or mean of the losses: what must change with it?</summary>
#
# The step size, by the factor $N$: a mean is $N$ times smaller, and so is its gradient.
#
# </details>
#
# <details><summary>Why is the compiled loop so much faster, though the mathematics is the same?</summary>
#
# Python asks for each operation one by one otherwise; a compiler is told the whole loop once.
#
# </details>
