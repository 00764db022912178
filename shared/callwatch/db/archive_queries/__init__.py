"""Payloads in objects: where they lie, and what only they have."""
