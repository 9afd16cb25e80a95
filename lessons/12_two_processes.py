# %% [markdown]
# # 12. Two processes
#
# **Afterwards you can** train with several processes in both frameworks, say what the ordinary way does where their
# shares are not equal, and how several take the very steps of one. About 20 minutes.
#
# Where one machine is too slow or too small, the rows are shared: each process looks at its own, and they tell each
# other their slopes. PyTorch has `DistributedDataParallel` for that, JAX `jax.lax.pmean`. Both **average what each has
# averaged**. Is that the mean over all rows?
#
# ## Your turn


# %%
# %matplotlib inline
import json
import tempfile
from pathlib import Path

import numpy as np

import logreg_jax
import logreg_torch
from logreg_parity import Parameters, gaussian, grade
from logreg_parity.solvers.jobs import run_job
from logreg_parity.solvers.ranks import ALONE


# %%
def mean_of_all(sums, counts):
    """The mean over all rows (D,), of the sums over each process's rows (K, D) and how many each has, counts (K,)."""
    ...


grade("mean_of_all", mean_of_all)

# %% [markdown]
# ## The ordinary way, in PyTorch
#
# 131 rows, of which the first process has 100 and the second what is left, as where the last of many files is short.
# Each takes the mean loss of its own rows; `DistributedDataParallel` averages the slopes while they are computed. The
# code below runs in two processes, which are told who they are by `RANK` and `WORLD_SIZE`.

# %%
IN_TORCH = """
import json, os
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from logreg_parity import gaussian

dist.init_process_group("gloo")
data, rank = gaussian(131, 3, seed=0), dist.get_rank()
own = slice(0, 100) if rank == 0 else slice(100, 131)
X, y = torch.tensor(data.X[own]), torch.tensor(data.y[own])
model = torch.nn.Linear(3, 1).double()
for part in model.parameters():
    torch.nn.init.zeros_(part)
shared = DistributedDataParallel(model)
optimizer = torch.optim.SGD(shared.parameters(), lr=0.5)
for _ in range(100):
    optimizer.zero_grad()
    torch.nn.functional.binary_cross_entropy_with_logits(shared(X)[:, 0], y).backward()
    optimizer.step()
if rank == 0:
    print(json.dumps([*model.weight.tolist()[0], model.bias.item()]))
dist.destroy_process_group()
"""


def in_two_processes(code):
    """What the first of two processes prints last, as numbers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.py"
        file.write_text(code)
        ended = run_job([str(file)], 2)
    assert all(one.status == 0 for one in ended), ended[0].err
    return np.array(json.loads(ended[0].out.splitlines()[-1]))


data, start = gaussian(131, 3, seed=0), Parameters(np.zeros(3), 0.0)
run = {"steps": 100, "learning_rate": 0.5, "dtype": "float64"}
alone = np.append(*logreg_torch.train(data, start, **run).parameters)
with_ddp = in_two_processes(IN_TORCH)
print("one process: ", alone)
print("two, by DDP: ", with_ddp)
print(f"They are {np.linalg.norm(with_ddp - alone) / np.linalg.norm(alone):.1%} apart, and nothing has said so.")
assert np.linalg.norm(with_ddp - alone) > 1e-3 * np.linalg.norm(alone)

# %% [markdown]
# ## The same in JAX
#
# `jax.distributed.initialize` lets the processes meet. An array whose rows lie in several processes goes into a
# function that is mapped over them, and `jax.lax.pmean` is the mean of what they have.

# %%
IN_JAX = """
import json, os
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from logreg_parity import gaussian

rank, port = int(os.environ["RANK"]), int(os.environ["MASTER_PORT"]) + 1
jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank)
jax.config.update("jax_enable_x64", True)
data = gaussian(131, 3, seed=0)
own = slice(0, 100) if rank == 0 else slice(100, 131)
X, y = np.column_stack([data.X[own], np.ones(len(data.y[own]))]), data.y[own]

def loss(theta):
    z = X @ theta
    return (jax.nn.softplus(z) - y * z).mean()

mesh, by_rank = Mesh(np.array(jax.devices()), ("rank",)), PartitionSpec("rank")
average = jax.jit(
    jax.shard_map(lambda slope: jax.lax.pmean(slope, "rank"), mesh=mesh, in_specs=by_rank, out_specs=by_rank)
)
slope_of, theta = jax.jit(jax.grad(loss)), np.zeros(4)
for _ in range(100):
    here = np.asarray(slope_of(theta))[None]
    slopes = jax.make_array_from_process_local_data(NamedSharding(mesh, by_rank), here)
    theta = theta - 0.5 * np.asarray(average(slopes).addressable_data(0))[0]
if rank == 0:
    print(json.dumps(theta.tolist()), flush=True)
"""

with_pmean = in_two_processes(IN_JAX)
print("two, by pmean:", with_pmean)
print(f"DDP and pmean are {np.abs(with_pmean - with_ddp).max():.0e} apart: they agree, and both are off.")
assert np.abs(with_pmean - with_ddp).max() < 1e-3 * np.linalg.norm(with_ddp - alone)

# %% [markdown]
# Agreement is not accuracy. A row of the short share counts for more than three rows of the long one: this is the
# gradient of another problem. Add sums and counts instead, and divide once, as you did above.
#
# ## The bits of one
#
# Even then the last digits depend on who has added what: $(a + b) + c$ is not $a + (b + c)$ in floating point. The
# twins cut the rows of a step into eight slices, whoever computes them, and add their sums in one order, as halves of
# halves. So any number of processes takes the steps of one, to the last bit:

# %%
OURS = """
import json
import numpy as np
from {twin} import train
from logreg_parity import Parameters, gaussian
from logreg_parity.solvers.ranks import join

ranks = join("{runtime}")
run = train(gaussian(131, 3, seed=0), Parameters(np.zeros(3), 0.0), ranks=ranks, **{few})
if ranks.rank == 0:
    print(json.dumps(np.append(*run.parameters).tolist()), flush=True)
"""

few = {**run, "steps": 10, "record": "none"}
for twin, runtime in ((logreg_torch, "torch"), (logreg_jax, "jax")):
    loop, one = (np.append(*twin.train(data, start, **few, ranks=ranks).parameters) for ranks in (None, ALONE))
    two = in_two_processes(OURS.format(twin=twin.__name__, runtime=runtime, few=few))
    same, apart = one.tobytes() == two.tobytes(), np.abs(one - loop).max()
    print(f"{twin.__name__}: by one and by two the same bits: {same}; the plain loop is {apart:.0e} away")
    assert same

# %% [markdown]
# For work the processes are started by `torchrun --nproc-per-node 2 program.py`, on one machine or on many; see
# [More than one process](../docs/scale.md).
#
# ## Three questions
#
# <details><summary>Where is the mean of the means right?</summary>
#
# Where all shares have as many rows. A sampler that repeats rows until they do makes it so, and trains on other data.
#
# </details>
#
# <details><summary>DDP and `pmean` agree to the last digits. What does that prove?</summary>
#
# That both compute the same, here the same wrong thing. Compare with what is right, not only with each other.
#
# </details>
#
# <details><summary>All rows are added and divided once. Why may two processes and three have other bits?</summary>
#
# A sum of rounded numbers depends on its order, and each process adds its own rows first. A fixed tree has one order.
#
# </details>
