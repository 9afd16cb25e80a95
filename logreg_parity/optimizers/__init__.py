"""torch.optim in optax's words, and how far apart the two walk."""
