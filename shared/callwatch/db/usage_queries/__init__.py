"""Statements about the use of models: their calls, and counters of tokens, errors and time."""
