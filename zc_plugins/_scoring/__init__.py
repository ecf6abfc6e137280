"""How a scorer scores the candidates of a pool, here or in worker processes."""
