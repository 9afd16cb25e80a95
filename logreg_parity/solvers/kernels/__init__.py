"""One reading of X by one kernel: on a CPU by numba, on a GPU by Triton. Both are optional."""
