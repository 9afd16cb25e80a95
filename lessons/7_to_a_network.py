# %% [markdown]
# # 7. From here to a network
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
from logreg_parity import gaussian
from logreg_parity.teach import pictures
from logreg_parity.truth.ulp import ulp
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
# Same parameters, same data, in float64; then the loss and every slope side by side. (float64 shows whether two
# programs *mean* the same; what remains is rounding.)

# %%
random = np.random.RandomState(0)
shapes = {"first": (2, 8), "offset": (8,), "second": (8,), "bias": ()}
start = {name: 2 * random.standard_normal(shape) for name, shape in shapes.items()}


def slopes_torch(start):
    model = NetworkTorch(**{name: torch.tensor(value) for name, value in start.items()})
    value = loss_torch(model, torch.tensor(X), torch.tensor(y))
    value.backward()
    return value.item(), {name: part.grad.numpy() for name, part in model.named_parameters()}


def slopes_jax(start):
    with jax.enable_x64(True):
        model = NetworkJax(**{name: jnp.asarray(value) for name, value in start.items()})
        value, slopes = jax.value_and_grad(loss_jax)(model, jnp.asarray(X), jnp.asarray(y))
        return value.item(), {name: np.asarray(part) for name, part in slopes._asdict().items()}


def furthest(one, other):
    """The largest distance of two sets of slopes, in ulps of the largest slope."""
    size = max(np.abs(part).max() for part in one.values())
    return max(np.abs(one[name] - other[name]).max() for name in one) / float(ulp(size, "float64"))


(value, slopes), (value_jax, also) = slopes_torch(start), slopes_jax(start)
print(f"loss {value!r} and {value_jax!r}; slopes at most {furthest(slopes, also):.1f} ulp apart")

# %% [markdown]
# A few ulps: rounding. And a fault? Let one forget the offset of the hidden layer, as a port easily does, or let the
# two disagree in one weight by a millionth:

# %%
without, nearly = start | {"offset": np.zeros(8)}, start | {"bias": start["bias"] * (1 + 1e-6)}
for name, faulty in {"no offset": without, "one weight off by a millionth": nearly}.items():
    distance = furthest(slopes, slopes_jax(faulty)[1])
    print(f"{name:>30}: {distance:.3g} ulp apart")
    assert distance > 1000 * furthest(slopes, also)

# %% [markdown]
# ## Train it
#
# The loop is the one from lesson 5. In PyTorch the optimiser changes the model; in JAX a step gives a new one.

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
