# %% [markdown]
# # 2. Data, and what "noise" does to the truth
#
# **Afterwards you can** say when logistic regression has a best curve and when not, and make data that it fits
# honestly. About 20 minutes.
#
# To see whether a method works, we make data from a curve we know, hide the curve, and let the method find it again.
# The truth here is $w = 2$, $b = 1$. The lesson we follow makes its labels like this: 100 points from −5 to 5, the
# line $2x + 1$, plus noise between 0 and 1, through $\sigma$, then **rounded** to 0 or 1.

# %%
# %matplotlib inline
import numpy as np
from ipywidgets import FloatSlider, IntSlider, interact

from logreg_parity import grade, lesson, lesson_datasets
from logreg_parity.teach import pictures
from logreg_parity.truth.optimum import find_optimum


def knob():
    return FloatSlider(value=0, min=-5, max=5, step=0.1)


interact(pictures.fit, w=knob(), b=knob(), seed=IntSlider(value=0, min=0, max=20))

# %%
pictures.fit(2, 1)

# %% [markdown]
# The title shows the loss (lesson 3) and its slopes. Can you find a $w$ and $b$ with a lower loss than the truth?
# You can, and easily. That is not your mistake. It is what rounding has done to the data.
#
# ## All the data there is
#
# A label is rounded to 1 exactly where $2x + 1 + \text{noise} > 0$. The noise lies in $[0, 1)$, so it decides only
# for points with $-1 < 2x + 1 < 0$. How many are there?

# %%
x = np.linspace(-5, 5, 100)
z = 2 * x + 1
undecided = np.flatnonzero((z > -1) & (z < 0))
print(f"undecided: points {undecided.tolist()}; so there are 2^{len(undecided)} = {len(lesson_datasets())} data sets")
assert 2 ** len(undecided) == len(lesson_datasets())

# %% [markdown]
# We can look at every one of them. Some are **separable**: one cut leaves all 0s on one side and all 1s on the other.
# Then the steeper the curve, the better it fits, without end: *there is no best $w$*. `find_optimum` proves for each
# data set which of the two it is; each comes with its probability.

# %%
verdicts = [(find_optimum(dataset).status, chance) for dataset, chance in lesson_datasets()]
separable = sum(chance for status, chance in verdicts if status == "separable")
count = sum(status == "separable" for status, _ in verdicts)
print(f"{count} of {len(verdicts)} data sets are separable; a draw is one of those with probability {separable:.2%}")

# %% [markdown]
# So most draws have **no finite optimum at all**, and "recover $w = 2$, $b = 1$" is a wish no method can fulfil. When
# there is an optimum, where is it?

# %%
found = [find_optimum(dataset) for dataset, _ in lesson_datasets()]
weights = sorted(o.parameters.weight[0] for o in found if o.status == "finite")
print(f"{len(weights)} finite optima, w from {weights[0]:.2f} to {weights[-1]:.2f}; the truth was 2")
assert weights[0] > 2

# %% [markdown]
# Noise and rounding *here* do not blur the truth: they replace it. A hard threshold looks like a very steep curve,
# and the noise, between 0 and 1 and never below, shifts it too.
#
# ## The honest way
#
# If the model says "1 with probability $p$", then data made *by that model* must be drawn so: throw a coin that shows
# 1 with probability $p$. No noise on the line and no rounding; the coin is the noise.

# %%
draws = [find_optimum(lesson(labels="bernoulli", seed=seed)) for seed in range(60)]
points = np.array([[*o.parameters.weight, o.parameters.bias] for o in draws if o.parameters is not None])
low, middle, high = np.percentile(points, [5, 50, 95], axis=0)
print(f"{len(points)} of {len(draws)} draws have an optimum; its median is w = {middle[0]:.2f}, b = {middle[1]:.2f},")
print(f"and nine in ten lie between w = {low[0]:.2f} and {high[0]:.2f}, b = {low[1]:.2f} and {high[1]:.2f}")
assert low[0] < 2 < high[0] and low[1] < 1 < high[1]

# %%
pictures.estimates(points, lesson().true_parameters)

# %% [markdown]
# The truth lies in the middle of them. One hundred coins do not tell $w$ exactly, but they do tell it honestly.
#
# ## Your turn
#
# And if we neither add noise nor round? Then the label *is* the probability: a soft label.


# %%
def noise_free_labels(x, w, b):
    """The labels at every x without noise and without rounding."""
    ...


grade("noise_free_labels", noise_free_labels)

# %% [markdown]
# From such labels gradient descent finds the truth itself:

# %%
import logreg_jax
from logreg_parity import published_2021

_, start = published_2021()
for steps in (500, 5000):
    run = logreg_jax.train(
        lesson(labels="soft"), start, steps=steps, learning_rate=1e-3, reduction="sum", dtype="float64", keep=()
    )
    print(f"after {steps} steps: w = {run.parameters.weight[0]:.6f}, b = {run.parameters.bias:.6f}")

# %% [markdown]
# ## Three questions
#
# <details><summary>What does *separable* mean, and what happens to $w$ then?</summary>
#
# One cut leaves all 0s on one side and all 1s on the other. The steeper the curve, the better it fits, so $w$ grows
# without end.
#
# </details>
#
# <details><summary>Why does rounding the probability to a label spoil the truth?</summary>
#
# It makes a hard threshold of the curve, and a threshold looks like a curve that is infinitely steep.
#
# </details>
#
# <details><summary>How do you draw labels of which the model is true?</summary>
#
# Throw a coin for each row that shows 1 with the probability $p$ of that row.
#
# </details>
