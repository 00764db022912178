"""SQS's protocol over SQLite, for one machine."""
