"""Statements about incidents: their rows, their timelines, and the changes before them."""
