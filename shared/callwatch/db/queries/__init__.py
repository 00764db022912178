"""SQL and its rows, one module per table of the monitor."""
