"""The read models of single items: those behind a count, one on its way, and the request to work on some again."""
