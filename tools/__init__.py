"""Programs for developers of Callwatch."""
