# %% [markdown]
# # 4. Numbers in a computer
#
# **Afterwards you can** say what a computer's number is, how far apart two neighbours are, why sums come out different
# in another order, and what an *ulp* and a *bound* are. About 15 minutes. Lessons 5, 9 and 11 build on it.
#
# ## There are gaps
#
# A computer's number has a fixed number of binary digits, 53 in float64 and 24 in float32, and a power of two that
# says where the point is. So there are only finitely many, and one tenth is not among them:

# %%
import numpy as np

from logreg_parity import grade

print(f"0.1 is {0.1:.25f}")
print("0.1 + 0.2 == 0.3:", 0.1 + 0.2 == 0.3, "  difference:", 0.1 + 0.2 - 0.3)
assert 0.1 + 0.2 != 0.3

# %% [markdown]
# From each number there is a gap to the next. It is the same between two powers of two, and doubles at each: numbers
# are dense near 0 and far apart far out. The gap at a number is one **ulp**, a *unit in the last place*.

# %%
for x in (1.0, 1.9, 2.0, 1000.0, 1e16):
    print(f"next to {x:>8g}: {np.spacing(x):.3g} away in float64, {np.spacing(np.float32(x)):.3g} in float32")
print("10^16 + 1 =", f"{1e16 + 1:.0f}")
assert 1e16 + 1 == 1e16

# %% [markdown]
# ## Your turn
#
# How far is it from $|x|$ to the next larger number, for float64 numbers of any size?


# %%
def gap(x):
    """From |x| to the next larger float64, for every number of an array x."""
    ...


grade("gap", gap)

# %% [markdown]
# ## Every operation rounds
#
# The exact result of $a + b$ mostly lies between two numbers; the computer takes the nearer one. So every operation is
# off by at most **half an ulp**. That is little, but it means that the order counts:

# %%
random = np.random.RandomState(0)
terms = random.standard_normal(20_000).astype(np.float32)
orders = {"as they come": terms, "backwards": terms[::-1], "sorted": np.sort(terms)}
for name, values in orders.items():
    total = np.float32(0)
    for value in values:
        total += value
    print(f"{name:>12}: one after another {total:.7f}, by NumPy's sum {values.sum():.7f}")
print(f"       exact: {np.sum(terms.astype(np.float64)):.7f}")

# %% [markdown]
# PyTorch and JAX add in different orders, each as fast as it can. So they *must* differ in the last digits, and
# neither is wrong. The question is never whether two programs agree in every digit; it is whether they differ by
# **more than rounding explains**.
#
# ## A bound, not a tolerance
#
# How much can rounding do? Add $n$ numbers: each of the $n - 1$ additions is off by at most $u$ times its result, with
# $u = 2^{-24}$ in float32. So the sum is off by at most about $(n - 1)\, u \sum |x_i|$. That is a **bound**: derived,
# not chosen. An error beyond it is proof that something other than rounding is at work.

# %%
few = terms[:1000]
exact = np.sum(few.astype(np.float64))  # float64 has 29 binary digits more than these numbers need
error = abs(float(np.cumsum(few)[-1]) - exact)
bound = (len(few) - 1) * 2.0**-24 * np.abs(few.astype(np.float64)).sum()
print(f"error {error:.3g}, bound {bound:.3g}: {error / bound:.2%} of the bound")
assert error <= bound

# %% [markdown]
# ## Cancellation
#
# Subtract two nearly equal numbers and the leading digits go; what is left is mostly the rounding of before. Nothing
# goes wrong in the subtraction itself, which is exact here. The harm was done earlier, and becomes visible.

# %%
for k in (4, 8, 12, 16):
    h = 10.0**-k
    print(f"(1 + 1e-{k:02}) - 1 = {(1 + h) - 1:.16g}, a share of {abs(((1 + h) - 1) / h - 1):.1g} off")

# %% [markdown]
# That is why $1 - p$ is dangerous when $p$ is near 1 (lesson 3), and why a difference quotient loses half of its
# digits (lesson 5).
#
# ## Three questions
#
# <details><summary>How many numbers are there between 1 and 2, and how many between 2 and 4, in float64?</summary>
#
# The same, $2^{52}$ each; so the gaps from 2 to 4 are twice as large.
#
# </details>
#
# <details><summary>Two programs print sums that differ in the last two digits. Is one of them wrong?</summary>
#
# Not necessarily: they may add in another order. Ask how large the difference is against the bound.
#
# </details>
#
# <details><summary>What is the difference between a tolerance and a bound?</summary>
#
# A tolerance is chosen by somebody; a bound is derived from the data and the number format, and an error beyond it
# proves a fault.
#
# </details>
