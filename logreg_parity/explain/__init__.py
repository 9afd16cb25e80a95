"""Where two stored runs part, and why."""
