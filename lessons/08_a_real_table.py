# %% [markdown]
# # 8. A real table
#
# **Afterwards you can** split a table, scale it without a leak, say what L2 does where classes are separable, and read
# a weight as an odds ratio. About 25 minutes.
#
# 333 penguins of three species, measured on islands near Palmer Station, Antarctica (Gorman, Williams and Fraser 2014;
# the table is in the public domain, CC0). Can bill and body tell the sex of a penguin?

# %%
# %matplotlib inline
import numpy as np

import logreg_jax
import logreg_torch
from logreg_parity import Dataset, grade
from logreg_parity.teach import pictures, rates
from logreg_parity.teach.penguins import FEATURES, penguins
from logreg_parity.truth.optimum import find_optimum
from logreg_parity.truth.reference import sigmoid

X, sex, species = penguins()
male = (sex == "male").astype(float)
for name, column in zip(FEATURES, X.T, strict=True):
    print(f"{name:>18}: from {column.min():6.1f} to {column.max():6.1f}, deviation {column.std():6.1f}")
print(f"{len(X)} penguins, {male.mean():.0%} male")

# %% [markdown]
# ## Split first
#
# How well will it do on penguins that it has not seen? Nobody knows from those it has. So put some aside **before you
# do anything else**, and look at them once, at the end.

# %%
order = np.random.RandomState(0).permutation(len(X))
train, test = order[:233], order[233:]
print(f"{len(train)} rows to learn from, {len(test)} to judge by")

# %% [markdown]
# ## Scale, without a leak
#
# A gram and a millimetre are not comparable. Gradient descent suffers from it (its largest stable step is set by the
# largest feature), and a penalty on the weights means nothing. So take from each feature its mean, and divide by its
# deviation. But *whose* mean? That of the training rows. Whoever uses all rows has let the test rows into the
# training: a **leak**.
#
# ## Your turn


# %%
def scaled_like_train(train, test):
    """The rows of test, each feature minus its mean in train, divided by its deviation in train (np.std)."""
    ...


grade("scaled_like_train", scaled_like_train)

# %%
mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
Z = (X - mean) / deviation
raw, scaled = (np.linalg.cond(np.column_stack([table[train], np.ones(len(train))])) ** 2 for table in (X, Z))
print(f"condition of the problem: {raw:.2g} raw, {scaled:.2g} scaled; a walk downhill takes steps in proportion")
assert scaled < raw / 1000

# %% [markdown]
# ## Fit, in both frameworks

# %%
penguins = Dataset(Z[train], male[train], "penguins, scaled", FEATURES)
fits = {twin.__name__: twin.fit(penguins).parameters for twin in (logreg_torch, logreg_jax)}
for name, fitted in fits.items():
    print(f"{name:>12}: " + ", ".join(f"{w:.6f}" for w in fitted.weight) + f"; b {fitted.bias:.6f}")
best = fits["logreg_jax"]
for part, chosen in (("seen", train), ("unseen", test)):
    p = sigmoid(Z[chosen] @ best.weight + best.bias)
    loss = -np.mean(male[chosen] * np.log(p) + (1 - male[chosen]) * np.log(1 - p))
    right, area = np.mean((p >= 0.5) == male[chosen]), rates.auc(male[chosen], p)
    print(f"{part:>12}: right in {right:.1%}, AUC {area:.3f}, loss {loss:.3f}")

# %% [markdown]
# ## What a weight says: odds
#
# The **odds** are $p / (1 - p)$. As $\log \text{odds} = w x + b$, a step of one in a feature multiplies the odds by
# $e^w$, whatever the other features are. That factor is the **odds ratio**. It is not a factor of the probability.
#
# ## Your turn


# %%
def odds_ratio(w, step):
    """The factor by which the odds change when the feature of weight w grows by step."""
    ...


grade("odds_ratio", odds_ratio)

# %%
for name, w, scale in zip(FEATURES, best.weight, deviation, strict=True):
    print(f"{name:>18}: one deviation more ({scale:6.1f}) multiplies the odds of a male by {np.exp(w):6.2f}")

# %% [markdown]
# Careful: these are factors *at equal other features*. Flipper and mass grow together, so no bird shows one without
# the other, and their weights trade with each other. And a weight is no cause.
#
# ## Where there is no best fit, and what L2 does
#
# Ask another question of the same table: Adelie or Gentoo? Two features do, and there is a line with no penguin on its
# wrong side: **separable**, as in lesson 2. Without a penalty there is no best $w$. With one, $\frac{\lambda}{2}
# \|w\|^2$, there always is, and it depends on $\lambda$: you choose it, so you must say it.

# %%
two = np.isin(species, ("Adelie", "Gentoo"))
P = Z[two][:, [1, 2]]
gentoo = Dataset(P, (species[two] == "Gentoo").astype(float), "Adelie or Gentoo", FEATURES[1:3])
print("without a penalty:", find_optimum(gentoo).status)
assert find_optimum(gentoo).status == "separable"
for l2 in (1e-1, 1e-2, 1e-3, 1e-4):
    chosen = find_optimum(gentoo, l2=l2).parameters
    print(
        f"l2 = {l2:6g}: w = ({chosen.weight[0]:6.2f}, {chosen.weight[1]:6.2f}), |w| {np.linalg.norm(chosen.weight):.2f}"
    )

# %%
chosen = find_optimum(gentoo, l2=1e-2).parameters
pictures.regions(lambda rows: rows @ chosen.weight + chosen.bias, P, gentoo.y)

# %% [markdown]
# ## Three questions
#
# <details><summary>Somebody scales the whole table, then splits it. What is wrong?</summary>
#
# A leak: mean and deviation know the test rows, so the judgement is too kind.
#
# </details>
#
# <details><summary>A weight is 0.7. What happens to the odds when the feature grows by 2?</summary>
#
# They are multiplied by $e^{1.4} \approx 4.06$.
#
# </details>
#
# <details><summary>A package prints $w = 35$ and no warning. What do you suspect?</summary>
#
# Separable classes: without a penalty there is no best $w$, and 35 is where it happened to stop.
#
# </details>
