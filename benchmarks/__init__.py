"""Benchmarks one can believe. A module answers one question and has ``QUESTION``, ``run``, ``tables`` and ``figure``.

``timing.py`` says how time is taken, ``environment.py`` on what, ``results.py`` how a result is kept and shown,
``peers.py`` holds the other libraries. Run by ``logreg-parity bench`` in a checkout.
"""

import jax

# A result is waited for at once here, and to wake another thread for it takes most of a small pass. This holds for
# peers in JAX too, and has to come before JAX is first used.
jax.config.update("jax_cpu_enable_async_dispatch", False)

BENCHMARKS = ("ladder", "gradient", "optimum", "devices", "scale", "ranks")
