"""What a backend does with numbers: the questions, the passport, and the kept maxima of functions."""
