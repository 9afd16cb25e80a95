# %% [markdown]
# # 9. Reading a parity report
#
# **Afterwards you can** read a report of ulps and bounds, and say why agreement is not accuracy. About 15 minutes.
#
# You moved a model from PyTorch to JAX. Is it the same model? Two questions hide in there, and they are not one:
#
# - Do the two **agree** with each other?
# - Is each of them **right**?
#
# The judge answers both, for every number on the way.

# %%
# %matplotlib inline
from rich.console import Console

import logreg_jax
import logreg_torch
from logreg_parity import published_2021
from logreg_parity.judge import figures
from logreg_parity.judge.compare import compare, placements
from logreg_parity.judge.report import summary, tables
from logreg_parity.twins import Setting

dataset, start = published_2021()
setting = Setting(steps=200, learning_rate=1e-4, reduction="sum")
twins = {"logreg_torch": logreg_torch, "logreg_jax": logreg_jax}
report = compare(twins, dataset, start, setting, dtypes=["float32"])
console = Console(width=100, highlight=False)
console.print(tables(report))

# %% [markdown]
# A cell reads *ulps (share of the bound)*.
#
# An **ulp** (lesson 4) is the step from one float to the next, at the natural size of the quantity. An error of 1 ulp
# is the smallest there can be; in float32 an ulp is about the eighth digit, in float64 the sixteenth.
#
# The **bound** is what rounding can do at most, derived from the data and the number format, not chosen. Within it:
# rounding explains the difference. OUTSIDE: rounding cannot, so it is something else, and somebody should look.

# %%
from logreg_parity.truth.ulp import ulp

for dtype in ("bfloat16", "float32", "float64"):
    print(f"one ulp at 1 in {dtype:>8}: {float(ulp(1.0, dtype)):.3g}; at 1000: {float(ulp(1000.0, dtype)):.3g}")

# %% [markdown]
# ## Two axes
#
# To the right: how far apart the twins are. Upward: how far the worse of them is from the exact value.

# %%
figures.axes(report)

# %%
for placed in placements(report):
    print(f"{placed.quantity:>20}: {placed.apart:7.2f} ulp apart, {placed.off:7.2f} ulp off: {placed.words}")
assert report.verdict == "within"

# %% [markdown]
# ## Agreement proves nothing
#
# Two programs with the *same* bug agree to the last bit. Here both forget the same factor:

# %%
from logreg_parity.museum.faults import FactorTwo

alike = compare({"mine": FactorTwo(), "yours": FactorTwo()}, dataset, start, setting, dtypes=["float64"])
for placed in placements(alike):
    print(f"{placed.quantity:>20}: {placed.apart:4.1f} ulp apart, {placed.off:8.2g} ulp off: {placed.words}")
assert any(placed.apart == 0 and placed.words == "agree, and are wrong alike" for placed in placements(alike))

# %% [markdown]
# A test that only compares the port with the original passes here. That is why every number is held to the exact
# value too. Last, the same report in words:

# %%
print(summary(report))

# %% [markdown]
# ## Your turn
#
# Change `dtypes` above to `["bfloat16"]`, and predict first: how many digits, and will the verdict stay "within"?
# Then take `learning_rate=0.1`: past the edge of stability rounding errors grow without limit, and an honest judge
# promises nothing.

# %% [markdown]
# ## Three questions
#
# <details><summary>A cell reads `2.0 (150 %)`. What do you know?</summary>
#
# The error is one and a half times what rounding can do at most: something else is at work.
#
# </details>
#
# <details><summary>Two programs agree to the last bit. Are they right?</summary>
#
# Not therefore: they may share a mistake. Hold each to the exact value as well.
#
# </details>
#
# <details><summary>The verdict is *no promise*. Is something wrong?</summary>
#
# Nothing that is known. The bound is infinite there, so a difference would prove nothing: take smaller steps or a
# wider format.
#
# </details>
