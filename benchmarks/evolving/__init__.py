"""What ``benchmarks.evolve`` is made of."""
