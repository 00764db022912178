"""Moves accepted messages into PostgreSQL: parses, groups, stores, counts, and archives messages before they expire."""
