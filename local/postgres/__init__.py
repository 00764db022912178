"""The embedded PostgreSQL: its files and its server."""
