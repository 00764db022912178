"""Names and shapes that every part shares; imports nothing else of this package."""
