"""What is right: the mathematics by hand, in arbitrary precision, and how far a computer may stray from it."""
