# %% [markdown]
# # 10. From here to a network
#
# **Afterwards you can** stack logistic regressions into a network in both frameworks, and check that the two are the
# same function. About 25 minutes.
#
# A ring inside a ring cannot be cut by a straight line, so logistic regression must fail on it. But put *several*
# logistic regressions side by side and feed their answers to one more, and you have a neural network. Nothing new is
# needed: the same pattern, stacked once.

# %%
# %matplotlib inline
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

from logreg_jax.loss import stable_loss as stable_loss_jax
from logreg_jax.model import sigmoid as sigmoid_jax
from logreg_parity import check, gaussian
from logreg_parity.teach import pictures
from logreg_torch.loss import stable_loss as stable_loss_torch
from logreg_torch.model import sigmoid as sigmoid_torch

X = gaussian(200, 2, seed=1).X
y = (np.hypot(*X.T) > 1.2).astype(float)
print(f"{len(y)} points, {y.mean():.0%} of them outside the ring")

# %% [markdown]
# ## The model, twice
#
# In PyTorch a model is an object that owns its parameters. In JAX it is a value: a tuple of arrays that goes in and a
# new one that comes out. The mathematics between is the same three lines.


# %%
class NetworkTorch(torch.nn.Module):
    def __init__(self, first, offset, second, bias):
        super().__init__()
        self.first = torch.nn.Parameter(first)  # (D, H)
        self.offset = torch.nn.Parameter(offset)  # (H,)
        self.second = torch.nn.Parameter(second)  # (H,)
        self.bias = torch.nn.Parameter(bias)  # ()

    def forward(self, X):
        hidden = sigmoid_torch(X @ self.first + self.offset)  # H logistic regressions
        return hidden @ self.second + self.bias  # and one more


class NetworkJax(NamedTuple):
    first: jax.Array  # (D, H)
    offset: jax.Array  # (H,)
    second: jax.Array  # (H,)
    bias: jax.Array  # ()

    def __call__(self, X):
        hidden = sigmoid_jax(X @ self.first + self.offset)
        return hidden @ self.second + self.bias


def loss_torch(model, X, y):
    return stable_loss_torch(model(X), y).mean()


def loss_jax(model, X, y):
    return stable_loss_jax(model(X), y).mean()


# %% [markdown]
# ## Are they the same?
#
# `check` asks both for the loss, the gradient by every parameter, products with the Hessian (the gradient's own
# gradient) and a few steps of training, in float64 and float32, at the same parameters. No tolerance is given: it
# measures what rounding alone can do, and says what exceeds that. Where it also says that no *slope* was compared,
# that is a derivative along one direction, by forward mode, which our own $\sigma$ does not offer in PyTorch.

# %%
random = np.random.RandomState(0)
shapes = {"first": (2, 8), "offset": (8,), "second": (8,), "bias": ()}
start = {name: 2 * random.standard_normal(shape) for name, shape in shapes.items()}
batch = {"X": X, "y": y}


def judge(loss_of_network):
    network = NetworkTorch(**{name: torch.tensor(value) for name, value in start.items()})
    return check(
        network,
        lambda model, batch: loss_of_network(model, **batch),
        batch,
        torch_loss=lambda model, batch: loss_torch(model, **batch),
        jax_params=NetworkJax(**start),
    )


report = judge(loss_jax)
print(report)
assert report.verdict == "within"

# %% [markdown]
# And a fault? Let one forget the offset of the hidden layer, as a port easily does, or take the sum for the mean:


# %%
def without_offset(model, X, y):
    return loss_jax(model._replace(offset=jnp.zeros_like(model.offset)), X, y)


def summed(model, X, y):
    return len(y) * loss_jax(model, X, y)


for faulty in (without_offset, summed):
    found = judge(faulty)
    print(f"{faulty.__name__}: {found.explanation}\n")
    assert found.verdict == "OUTSIDE"

# %% [markdown]
# ## Train it
#
# The loop is the one from lesson 6. In PyTorch the optimiser changes the model; in JAX a step gives a new one.

# %%
STEPS, RATE = 600, 4.0
model = NetworkTorch(**{name: torch.tensor(value) for name, value in start.items()})
optimizer, features, labels = torch.optim.SGD(model.parameters(), lr=RATE), torch.tensor(X), torch.tensor(y)
losses = {"PyTorch": [], "JAX": []}
for _ in range(STEPS):
    optimizer.zero_grad()
    value = loss_torch(model, features, labels)
    value.backward()
    optimizer.step()
    losses["PyTorch"].append(value.item())

with jax.enable_x64(True):

    @jax.jit
    def step(model, _):
        value, slopes = jax.value_and_grad(loss_jax)(model, X, y)
        return jax.tree.map(lambda part, slope: part - RATE * slope, model, slopes), value

    begin = NetworkJax(**{name: jnp.asarray(value) for name, value in start.items()})
    trained, values = jax.lax.scan(step, begin, length=STEPS)
    losses["JAX"] = np.asarray(values)
    right = np.mean((np.asarray(trained(X)) > 0) == y)

last = {name: float(values[-1]) for name, values in losses.items()}
print(f"loss after {STEPS} steps: {last}; {right:.0%} of the points on the right side")
assert right > 0.9

# %%
pictures.runs({name: np.array(values) for name, values in losses.items()}, "A network of eight hidden units")

# %%
pictures.regions(lambda X: model(torch.tensor(X)).detach().numpy(), X, y)

# %% [markdown]
# ## Your turn
#
# Give the network 2 hidden units, then 3. How many does a ring need, and why? Then one layer more: which lines change
# in each framework?

# %% [markdown]
# ## Three questions
#
# <details><summary>Why can one logistic regression not fit a ring inside a ring?</summary>
#
# Its line of one half is straight; no straight line goes round.
#
# </details>
#
# <details><summary>Where does a model live in PyTorch, and where in JAX?</summary>
#
# In PyTorch an object owns its parameters and is changed; in JAX it is a value that goes in, and a new one comes out.
#
# </details>
#
# <details><summary>`check` says OUTSIDE. What do you read first?</summary>
#
# The first quantity outside: parameters, then the loss, then the gradient. What comes first is the cause, the rest
# follows.
#
# </details>
