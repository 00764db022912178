"""Measurements, as ratios against a baseline or a peer in one run."""
