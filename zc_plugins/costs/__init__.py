"""What a network costs, asked before any probe: params, flops, activation memory, latency."""
