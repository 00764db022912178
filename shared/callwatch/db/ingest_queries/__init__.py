"""Statements about what clients sent: counts of items, runs of work, lines of logs, sessions, feedback."""
