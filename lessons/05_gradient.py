# %% [markdown]
# # 5. One gradient, five ways
#
# **Afterwards you can** compute the gradient by hand and by two frameworks, and say how many digits each way keeps.
# About 20 minutes.
#
# To walk downhill we need the slope of the loss by $w$ and by $b$. For logistic regression it is short:
#
# $$\frac{\partial L}{\partial w} = \sum_i (p_i - y_i)\, x_i, \qquad
#   \frac{\partial L}{\partial b} = \sum_i (p_i - y_i)$$
#
# Each row pulls by how wrong it is. Here it is five ways, all at the start of the published run.

# %%
import numpy as np

import logreg_jax
import logreg_torch
from logreg_parity import grade, published_2021
from logreg_parity.truth import oracle, reference
from logreg_parity.truth.bounds import PointBounds
from logreg_parity.truth.ulp import ulp

dataset, start = published_2021()
X, y = dataset.X, dataset.y
ways = {}

# %% [markdown]
# **By hand**, the formula above in NumPy:

# %%
p = reference.sigmoid(X[:, 0] * start.weight[0] + start.bias)
ways["by hand"] = [np.sum((p - y) * X[:, 0]), np.sum(p - y)]

# %% [markdown]
# **PyTorch** records every operation on the way forward and walks the record backward; **JAX** turns the function
# that computes the loss into a function that computes its gradient. Both apply the chain rule, without any formula
# from us. (`evaluate` calls each twin's own `value_and_grad`, in `gradient.py`.)

# %%
for twin in (logreg_torch, logreg_jax):
    slope = twin.evaluate(dataset, start, reduction="sum", dtype="float64").gradient
    ways[twin.__name__] = [slope.weight[0], slope.bias]

# %% [markdown]
# **Complex step**: for a smooth $f$, $f(w + ih) = f(w) + i h f'(w) + \ldots$, so the imaginary part divided by $h$ is
# the slope, and nothing is subtracted, so $h$ may be absurdly small. A difference quotient cannot do that.


# %%
def loss(w, b):
    z = X[:, 0] * w + b
    p = 1 / (1 + np.exp(-z))
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


w, b, h = start.weight[0], start.bias, 1e-200
ways["complex step"] = [loss(w + 1j * h, b).imag / h, loss(w, b + 1j * h).imag / h]

# %% [markdown]
# **The oracle** computes with as many digits as it takes (hundreds of bits, twice, until two precisions agree) and
# is the exact value for our purpose. And for comparison, what not to do: a difference quotient.

# %%
exact = oracle.evaluate(dataset, start, reduction="sum").gradient
step = 2.0**-20
ways["difference"] = [
    (loss(w + step, b) - loss(w - step, b)) / (2 * step),
    (loss(w, b + step) - loss(w, b - step)) / (2 * step),
]
limits = PointBounds(dataset, start, dtype="float64", reduction="sum")
print(f"{'exact':>14}  {float(exact.weight[0]):.17g}  {float(exact.bias):.17g}")
off = {}
for name, slopes in ways.items():
    error = oracle.distance(np.array(slopes), np.array([exact.weight[0], exact.bias], dtype=object))
    off[name] = error / ulp(limits.gradient_scale, "float64")
    print(f"{name:>14}  {slopes[0]:.17g}  {slopes[1]:.17g}   off by {off[name][0]:.3g} and {off[name][1]:.3g} ulp")
assert max(off["difference"]) > 1000 > max(max(of) for name, of in off.items() if name != "difference")

# %% [markdown]
# An **ulp** (lesson 4) is the distance from one float to the next: here at the size of what the gradient is a sum of.
# Five ways agree to the last digits; the difference quotient loses many of them, because it subtracts two nearly equal
# numbers.
#
# ## Your turn
#
# By hand, by `torch.func.grad` or by `jax.grad`: return a dict like `params`, with the slopes in it.


# %%
def dlogistic_loss(params, model, x, y):
    """The slopes {"w": ..., "b": ...} of logistic_loss by params."""
    ...


grade("dlogistic_loss", dlogistic_loss)

# %% [markdown]
# ## A surprise
#
# Look at the formula again: the labels enter only through $\sum y_i$ and $\sum y_i x_i$. Two data sets with the same
# two sums give the same gradient everywhere, hence the same walk and the same fit. They are *sufficient*.

# %%
other = y.copy()
left, middle, right = 41, 42, 43  # three neighbours; the middle one gives a quarter to each side
other[[left, right]] += 0.25
other[middle] -= 0.5
assert ((other >= 0) & (other <= 1)).all()
print("sums:", y.sum(), other.sum(), y @ X[:, 0], other @ X[:, 0])
print("slope of one:  ", np.sum((p - y) * X[:, 0]))
print("slope of other:", np.sum((p - other) * X[:, 0]))

# %% [markdown]
# ## Three questions
#
# <details><summary>Why is the gradient by $w$ a sum of $(p - y) x$ and not of $(p - y) p (1 - p) x$?</summary>
#
# The factor $p(1-p)$ of $\sigma'$ cancels against the $1/p$ and $1/(1-p)$ of the logarithms. With the squared error it
# stays.
#
# </details>
#
# <details><summary>What does a difference quotient lose, and why?</summary>
#
# Half of the digits: it subtracts two nearly equal numbers, and only what differs is left.
#
# </details>
#
# <details><summary>Two data sets have the same $\sum y$ and $\sum y x$. What else have they in common?</summary>
#
# With the same $x$: every gradient, so the whole walk, and the fit.
#
# </details>
