"""What goes into a twin and what comes back: data sets, their one generator, and runs. NumPy only."""
