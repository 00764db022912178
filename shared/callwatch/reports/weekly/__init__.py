"""The weekly report: its figures, and how they look as a page and as a table."""
