"""What private data looks like: one module per kind, and the word lists they share."""
