"""What the stem asks of JAX beyond a twin: probes, checkers, optimisers, other people's models, a classroom."""
