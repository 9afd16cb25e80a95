# %% [markdown]
# # 3. Loss as a negative log-likelihood, and the cliff
#
# **Afterwards you can** write the loss, say where its textbook form breaks, and write one that does not. About 25
# minutes.
#
# How good is a curve? Ask how probable it finds the data. A point with $y = 1$ had probability $p$, one with $y = 0$
# had $1 - p$. Multiply over all points and you have the **likelihood**. A product of many small numbers is awkward:

# %%
# %matplotlib inline
import numpy as np

import logreg_jax.workshop
import logreg_torch.workshop
from logreg_parity import grade, published_2021
from logreg_parity.teach import pictures
from logreg_parity.truth import reference

coin = np.full(2000, 0.5)
print(f"the product of {len(coin)} halves is {np.prod(coin)}; the sum of their logarithms {np.log(coin).sum():.2f}")
assert np.prod(coin) == 0

# %% [markdown]
# So we add logarithms instead, put a minus before the sum so that *smaller is better*, and call it the loss:
#
# $$L = -\sum_i \left[ y_i \log p_i + (1 - y_i) \log(1 - p_i) \right]$$
#
# It is measured in nats; a fair coin costs $\log 2$ a throw.
#
# ## Your turn
#
# Mind the names of the lesson we follow: `binary_cross_entropy` is the sum **without** the minus. The minus comes in
# `logistic_loss`. (PyTorch's function of the same name has the minus, and takes the mean.)


# %%
def binary_cross_entropy(y_true, y_preds):
    """Σ y log p + (1 - y) log(1 - p)."""
    ...


grade("binary_cross_entropy", binary_cross_entropy)


# %%
def logistic_loss(params, model, x, y):
    """Minus the log-likelihood of y under the probabilities model(params, x)."""
    ...


grade("logistic_loss", logistic_loss)

# %% [markdown]
# ## The cliff
#
# Let us train with the loss as textbooks print it, in float32, from the starting point of a page published in 2021,
# and then simply go on. NumPy takes the first 8000 steps, for it is quick; then each framework goes on from there.

# %%
dataset, start = published_2021()
x, y = dataset.X[:, 0], dataset.y
begun = reference.train(
    dataset, start, steps=8000, learning_rate=1e-4, reduction="sum", dtype="float32", record="before", keep=()
)
theta = {"w": begun.parameters.weight[0], "b": begun.parameters.bias}


def go_on(workshop, theta, n_steps):
    """The lesson's own loop, model and loss."""
    return workshop.model_optimization_loop(
        theta, workshop.logistic_model, workshop.logistic_loss, x, y, n_steps=n_steps, step_size=1e-4
    )


for workshop in (logreg_torch.workshop, logreg_jax.workshop):
    losses, fitted = go_on(workshop, theta, 388)
    after = go_on(workshop, fitted, 1)[1]
    w, b = float(fitted["w"]), float(fitted["b"])
    print(f"{workshop.__name__}: after step {8000 + 388}, at w = {w:.7f}, b = {b:.7f}, the loss is {losses[-1]};")
    print(f"    one step before it was {losses[-2]:.5f}, and one step later w is {float(after['w'])}")
    assert np.isfinite(losses[:-1]).all() and np.isnan(losses[-1]) and np.isnan(float(after["w"]))

# %% [markdown]
# Both frameworks fall off the same cliff at the same step (from step 8389 on the parameters are NaN as well), so "it
# is PyTorch" or "it is JAX" explains nothing. Look at the last point, $x = 5$, just there:

# %%
z = np.float32(w) * np.float32(5) + np.float32(b)
p = np.float32(1) / (np.float32(1) + np.exp(-z))
print(f"z = {z:.4f}, p = {p!r}, 1 - p = {1 - p!r}")
with np.errstate(all="ignore"):
    print(f"y = 1, so the second term is (1 - y) log(1 - p) = 0 · {np.log(1 - p)} = {0 * np.log(1 - p)}")
assert p == 1

# %% [markdown]
# In float32 $1 + e^{-z}$ is exactly 1 once $e^{-z}$ is below half a step of the number format. Then $1 - p = 0$,
# $\log 0 = -\infty$, and $0 \cdot (-\infty)$ is NaN. It does not take a long run: much of the slider square is lost.

# %%
w_grid, b_grid = np.meshgrid(pictures.SQUARE, pictures.SQUARE)
logits = (w_grid[..., None] * x + b_grid[..., None]).astype(np.float32)
total = reference.textbook_loss(logits, y.astype(np.float32)).sum(axis=-1)
print(f"NaN on {np.isnan(total).mean():.1%} of the square, infinite on {np.isinf(total).mean():.1%}")

# %%
pictures.cliff(total)

# %% [markdown]
# ## Guards that do not help, and a form that does
#
# People put a guard into the logarithm: $\log(p + 10^{-7})$, or they clamp it (PyTorch's `BCELoss` stops at 100). NaN
# is gone, but the loss is now flat exactly where the curve is most wrong, and a flat loss teaches nothing. The cure is
# to never make $p$ at all. With $\text{softplus}(t) = \log(1 + e^t)$ the same loss is
#
# $$\ell = y \,\text{softplus}(-z) + (1 - y)\, \text{softplus}(z), \qquad
#   \text{softplus}(t) = \max(t, 0) + \log(1 + e^{-|t|})$$

# %%
z = np.linspace(0, 130, 1301, dtype=np.float32)
zero = np.zeros_like(z)
with np.errstate(all="ignore"):
    p = np.float32(1) / (np.float32(1) + np.exp(-z))
    forms = {
        "from the logit": reference.stable_loss(z, zero),
        "textbook": reference.textbook_loss(z, zero),
        "log(1 - p + 1e-7)": -np.log(1 - p + np.float32(1e-7)),
        "log clamped at -100": -np.maximum(np.log(1 - p), -100),
    }
for name, values in forms.items():
    print(f"{name:>20} at z = 120: {values[np.searchsorted(z, 120)]:.4g}")

# %%
pictures.losses(forms, z)

# %% [markdown]
# ## Your turn
#
# One number a row, right at every logit. `grade` asks as far out as $z = \pm 1000$.


# %%
def stable_loss(z, y):
    """The loss of every row from its logit z and its label y."""
    ...


grade("stable_loss", stable_loss)

# %% [markdown]
# With this loss the run above walks on past its cliff as if nothing had been there:

# %%
run = logreg_torch.train(
    dataset, begun.parameters, steps=1000, learning_rate=1e-4, reduction="sum", loss="stable", dtype="float32", keep=()
)
print(f"after {8000 + len(run.losses)} steps: loss {run.losses[-1]:.5f}, w = {run.parameters.weight[0]:.5f}")
assert np.isfinite(run.losses).all()

# %% [markdown]
# ## Three questions
#
# <details><summary>What is the loss of a row with $y = 1$ and $p = 1/2$?</summary>
#
# $-\log 0.5 = \log 2$, about 0.693 nats.
#
# </details>
#
# <details><summary>The loss is NaN from some step on. What do you look at first?</summary>
#
# Whether some $p$ has rounded to 0 or 1: then a logarithm of 0 meets a factor 0.
#
# </details>
#
# <details><summary>Why not simply add $10^{-7}$ inside the logarithm?</summary>
#
# It changes every row a little, and where the curve is most wrong it makes the loss flat, so nothing is learnt there.
#
# </details>
