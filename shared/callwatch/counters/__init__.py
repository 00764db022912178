"""Figures of errors and requests, read from counters."""
