"""The groups of a batch: found or made, locked, and counted."""
