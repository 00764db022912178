"""Routes: which alerts go to which channels, how they are grouped, and how often they are repeated."""
