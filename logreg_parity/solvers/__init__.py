"""The ways to the optimum, in NumPy: all they ask of a twin is the sums of one pass over the data.

Read ``objective.py`` (a point, a line search), ``newton.py``, ``progressive.py``, ``stop.py`` and ``solve.py``, in
this order; the proof of the gap is ``logreg_parity/truth/certificate.py``. What lies in memory, and what is read from
files, say ``blocks.py`` and ``stream.py``. ``descent.py`` is no solver: it keeps the books of gradient descent for fast
engines.
"""
