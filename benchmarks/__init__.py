"""Benchmarks one can believe. A module answers one question and has ``QUESTION``, ``run``, ``tables`` and ``figure``.

``timing.py`` says how time is taken, ``environment.py`` on what, ``results.py`` how a result is kept and shown,
``peers.py`` holds the other libraries. Run by ``logreg-parity bench`` in a checkout.
"""

import jax

# A result is waited for at once here: where another thread computes it, waking that and waiting is up to half of a pass.
# For peers in JAX too; it counts until JAX is first used.
jax.config.update("jax_cpu_enable_async_dispatch", False)

BENCHMARKS = ("ladder", "gradient", "optimum", "devices", "scale")
