"""The bug museum: one correct program, the faults people plant in it, rewrites that are as good, and the score."""
