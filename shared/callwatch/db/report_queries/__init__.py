"""SQL and its rows for reports over a span of time, and for records of access."""
