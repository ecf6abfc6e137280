"""Benchmark tables: accuracies of architectures that others have trained."""
