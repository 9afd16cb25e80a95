"""The ways to the optimum, in NumPy: all they ask of a twin is the sums of one pass over the data."""
