"""L-BFGS: the framework's own, on the one-pass gradient.

Read beside ``logreg_jax/lbfgs.py``. PyTorch's optimiser searches along its directions itself (strong Wolfe) and asks
for values and gradients; optax's search needs a function that JAX can compile, so there it is the solvers' own.
"""

import numpy as np
import torch

from logreg_parity.solvers.objective import rise

MEMORY = 10  # pairs


def lbfgs(objective, theta, target=0.0):
    """Point after point, in float64 arithmetic, for as long as the framework's search finds another."""
    x = torch.tensor(theta, requires_grad=True)
    options = {"max_iter": 1, "max_eval": 25, "history_size": MEMORY, "tolerance_grad": 0, "tolerance_change": 0}
    optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe", **options)
    large = 2.0**100  # the objective is multiplied by: the optimiser keeps no pair whose product is below 1e-10
    seen = {}  # in this step, which begins where the last one has looked already

    def look():
        place = x.detach().numpy().tobytes()
        if place not in seen:
            seen[place] = objective.at(np.frombuffer(place))
        return seen[place]

    def closure():
        x.grad = torch.from_numpy(large * look().gradient)
        return large * rise(here, look())  # and not the value, of which the search would compare the last digits

    here = None
    while here is not look():
        here = look()
        seen = {here.theta.tobytes(): here}
        yield here
        optimizer.step(closure)
