"""What the stem asks of PyTorch beyond a twin: probes, checkers, optimisers, other people's models, a classroom."""
