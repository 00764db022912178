"""Benchmarks, reported as ratios to a baseline or a peer in the same run."""
