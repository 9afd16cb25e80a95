# %% [markdown]
# # 7. From probabilities to decisions
#
# **Afterwards you can** turn probabilities into decisions by what mistakes cost, read a confusion matrix, say why
# accuracy misleads, draw ROC and precision-recall curves, and check calibration. About 30 minutes.
#
# A model says 0.3. Do you act? That depends on what it costs to be wrong, and the model does not know.
#
# ## A rare disease
#
# Ten thousand people, about one in fifty is ill, and a test value $x$ that is higher in the ill. The labels are drawn
# honestly, as in lesson 2.

# %%
# %matplotlib inline
import numpy as np

import logreg_torch
from logreg_parity import Dataset, grade
from logreg_parity.teach import rates
from logreg_parity.truth.reference import sigmoid

random = np.random.RandomState(0)
x = random.standard_normal(10_000)
truth = sigmoid(1.8 * x - 5.2)
y = (random.random_sample(len(x)) < truth).astype(float)
fitted = logreg_torch.fit(Dataset(x[:, None], y, "a rare disease")).parameters
p = sigmoid(fitted.weight[0] * x + fitted.bias)
print(f"{y.mean():.2%} are ill; fitted w = {fitted.weight[0]:.2f}, b = {fitted.bias:.2f}, the truth is 1.8 and -5.2")

# %% [markdown]
# ## The accuracy trap
#
# Say 1 where $p \ge 0.5$, and count how often you are right. Then compare with somebody who says 0 to everyone.

# %%
accurate, lazy = np.mean((p >= 0.5) == y), np.mean(y == 0)
found = np.mean(p[y == 1] >= 0.5)
print(f"the model is right in {accurate:.2%}, who says 0 to everyone in {lazy:.2%}")
print(f"and of the ill the model finds {found:.0%}")
assert abs(accurate - lazy) < 0.01 and found < 0.5

# %% [markdown]
# Where one class is rare, accuracy is nearly all about the other one. So count the four cases apart: that is the
# **confusion matrix**. *Positive* is what was said, *true* is whether it was right.
#
# | | ill, $y = 1$ | healthy, $y = 0$ |
# |---|---|---|
# | said 1 | true positives | false positives (false alarms) |
# | said 0 | false negatives (missed) | true negatives |
#
# ## Your turn


# %%
def confusion(y, p, threshold):
    """[tp, fp, fn, tn], where 1 is said if p is at or above the threshold."""
    ...


grade("confusion", confusion)

# %%
for threshold in (0.5, 0.2, 0.05):
    tp, fp, fn, tn = rates.confusion(y, p, threshold)
    print(f"threshold {threshold:4}: {tp:3} found, {fn:3} missed, {fp:4} false alarms")
print(f"at the last one, precision {tp / (tp + fp):.0%} of alarms are right, recall {tp / (tp + fn):.0%} are found")

# %% [markdown]
# ## What does a mistake cost?
#
# Let a false alarm cost $c_{FP}$ and a missed case $c_{FN}$. Say 1, and you pay $(1 - p)\, c_{FP}$ on average; say 0,
# and you pay $p\, c_{FN}$. Take the cheaper: so there is a threshold, and it is not one half unless the two cost the
# same.
#
# ## Your turn


# %%
def cost_threshold(cost_fp, cost_fn):
    """The p from which on it is cheaper to say 1."""
    ...


grade("cost_threshold", cost_threshold)

# %%
thresholds = np.linspace(0.01, 0.6, 60)
for cost_fp, cost_fn in ((1, 1), (1, 10), (1, 30)):
    spent = [cost_fp * fp + cost_fn * fn for _, fp, fn, _ in (rates.confusion(y, p, t) for t in thresholds)]
    best = thresholds[int(np.argmin(spent))]
    rule = cost_fp / (cost_fp + cost_fn)
    print(f"a miss costs {cost_fn:2} times a false alarm: cheapest at {best:.2f}, by the rule {rule:.2f}")

# %% [markdown]
# The rule comes from probabilities alone, before any data; the cheapest threshold of these data lies near it, for the
# probabilities are honest. It lies the nearer the more rows there are.
#
# ## All thresholds at once
#
# Turn the threshold from 1 down to 0 and draw the share of the ill that is found against the share of the healthy that
# is alarmed: the **ROC** curve. The area under it, **AUC**, is the probability that a random ill person gets a larger
# $p$ than a random healthy one. It knows nothing of costs, and nothing of how rare the ill are; **precision and
# recall** do.


# %%
def roc_auc(y, p):
    """The share of pairs (one with y = 1, one with y = 0) where the first has the larger p; equal ones count half."""
    ...


grade("roc_auc", roc_auc)

# %%
rates.roc_and_precision(y, p)

# %% [markdown]
# ## Calibration
#
# Are the probabilities honest? Take all who got about 0.1: one in ten should be ill. Put the rows into bins by $p$ and
# compare the mean of $p$ with the share of $y = 1$. Squaring odds, for one, keeps every rank, hence the same ROC and
# AUC, but the probabilities are wrong.

# %%
overconfident = sigmoid(2 * (fitted.weight[0] * x + fitted.bias))
print(f"AUC {rates.auc(y, p):.4f} and {rates.auc(y, overconfident):.4f}: the same ranks")
losses = [-np.mean(y * np.log(q) + (1 - y) * np.log(1 - q)) for q in (p, overconfident)]
print(f"loss {losses[0]:.4f} and {losses[1]:.4f}: the loss sees the difference")
assert rates.auc(y, p) == rates.auc(y, overconfident) and losses[0] < losses[1]

# %%
rates.calibration(y, {"as fitted": p, "overconfident": overconfident})

# %% [markdown]
# ## Three questions
#
# <details><summary>A model is right in 99 % of cases. What do you ask?</summary>
#
# How rare the rarer class is: saying the commoner one to everybody may do as well. And what each kind of mistake
# costs.
#
# </details>
#
# <details><summary>A missed case costs 9 times a false alarm. From which $p$ on do you say 1?</summary>
#
# From $1 / (1 + 9) = 0.1$ on.
#
# </details>
#
# <details><summary>Two models have the same AUC. May one still be worse?</summary>
#
# Yes: AUC sees ranks alone. The probabilities of one may be badly calibrated, and then every decision by cost is off.
#
# </details>
