"""Silences in and out of the API: bodies that are checked, items that are shown."""
