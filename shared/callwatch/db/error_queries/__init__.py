"""SQL and its rows for errors, error groups and their counters."""
