"""The command line of Callwatch, over its HTTP API."""
