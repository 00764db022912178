"""Rules that people make: their changes, and trials on the kept past."""
