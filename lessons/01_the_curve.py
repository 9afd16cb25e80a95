# %% [markdown]
# # 1. The curve and its two parameters
#
# **Afterwards you can** say what $w$ and $b$ do to the curve, write it, and draw it as a product of matrices and as a
# neuron. About 15 minutes.
#
# Logistic regression answers a question with two possible answers: pass or fail, ill or healthy, 0 or 1. Given a
# number $x$ it says how *probable* the answer 1 is. It has two knobs, $w$ and $b$:
#
# $$p = \sigma(w x + b), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# A straight line, then one bend that squeezes it between 0 and 1. Turn the knobs.

# %%
# %matplotlib inline
from ipywidgets import FloatSlider, interact

from logreg_parity import grade
from logreg_parity.teach.pictures import curve


def knob():
    return FloatSlider(value=0, min=-5, max=5, step=0.1)


interact(curve, w=knob(), b=knob())

# %% [markdown]
# If nothing moves (on a web page, say), here are two positions of the knobs: the first curve rises, the second falls.

# %%
curve(2, 1)

# %%
curve(-2, 1)

# %% [markdown]
# ## Left or right?
#
# The curve passes one half where $w x + b = 0$, at the **midpoint** $x = -b / w$. So which way does a negative $b$
# move it? You may read elsewhere "to the left". Try it: with $w$ above 0 it moves to the **right**; with $w$ below 0
# to the left. A sentence about $b$ alone cannot be right.

# %%
b = -1.0
assert -b / 2.0 > 0 and -b / -2.0 < 0
for w in (2.0, -2.0):
    for b in (-1.0, 0.0, 1.0):
        print(f"w = {w:4}, b = {b:4}: midpoint {0 - b / w:4}")

# %% [markdown]
# ## Your turn
#
# Write in PyTorch, JAX or NumPy, whichever you like. `grade` calls your function, compares it with the exact answer
# within what rounding allows, and if it is not right yet, says which mistake it looks like. Answers stand in
# `answers.py`; nothing ever overwrites what you write here.


# %%
def midpoint(w, b):
    """Where the curve passes one half."""
    ...


grade("midpoint", midpoint)


# %%
def logistic(x):
    """σ(x) = 1 / (1 + exp(-x)) for every number of an array x."""
    ...


grade("logistic", logistic)


# %%
def logistic_model(theta, x):
    """The probability at every x, for a theta that is a dict {"w": w, "b": b}."""
    ...


grade("logistic_model", logistic_model)

# %% [markdown]
# ## How steep?
#
# At the midpoint the curve climbs by $w / 4$ for each unit of $x$: the slope of $\sigma$ at 0 is one quarter. A large
# $|w|$ is a sharp yes or no, a small one a shrug. Let us look rather than believe.

# %%
from logreg_parity.truth.reference import sigmoid

w, b, h = 2.0, 1.0, 2.0**-20
x = -b / w
slope = (sigmoid(w * (x + h) + b) - sigmoid(w * (x - h) + b)) / (2 * h)
print(f"measured {slope:.9f}, w / 4 = {w / 4}")

# %% [markdown]
# ## Two drawings of it
#
# With several features $w x$ becomes a sum $w_1 x_1 + w_2 x_2 + \dots$, and for all rows at once a product of
# matrices. Or draw it as a network: every arrow multiplies, the first circle adds, the second bends. It is the
# smallest network there is, one **neuron**.

# %%
from logreg_parity.teach import diagrams

diagrams.matrix_view()

# %%
diagrams.neural_view()

# %% [markdown]
# ## The same in two frameworks
#
# This is the repository's own code for the lesson, in PyTorch and then in JAX. What differs?

# %%
import inspect

import logreg_jax.workshop
import logreg_torch.workshop

for framework in (logreg_torch, logreg_jax):
    print(inspect.getsource(framework.workshop.logistic))

# %% [markdown]
# ## Three questions
#
# <details><summary>With $w = 4$ and $b = 2$, where does the curve pass one half, and how steep is it there?</summary>
#
# At $x = -b/w = -0.5$, with slope $w/4 = 1$.
#
# </details>
#
# <details><summary>You double both $w$ and $b$. What stays, what changes?</summary>
#
# The midpoint $-b/w$ stays; the curve gets twice as steep.
#
# </details>
#
# <details><summary>Why $\sigma$ and not a straight line for a probability?</summary>
#
# A line leaves the interval from 0 to 1; $\sigma$ never does, and far out one more unit of $x$ changes hardly
# anything.
#
# </details>
