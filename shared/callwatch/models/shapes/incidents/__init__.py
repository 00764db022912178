"""Shapes of incidents, and of the overview that begins with them."""
