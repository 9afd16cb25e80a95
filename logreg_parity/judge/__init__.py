"""How far each twin is from the exact value and from the other."""
