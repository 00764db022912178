"""Alerts that are sent without the outbox: the database is down, or the evaluation stopped."""
