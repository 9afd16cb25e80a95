"""Benchmarks one can believe. A module answers one question and has ``QUESTION``, ``run``, ``tables`` and ``figure``.

``timing.py`` says how time is taken, ``environment.py`` on what, ``results.py`` how a result is kept and shown,
``peers.py`` holds the other libraries. Run by ``logreg-parity bench`` in a checkout.
"""

BENCHMARKS = ("ladder", "gradient", "optimum", "devices", "scale")
