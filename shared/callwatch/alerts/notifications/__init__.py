"""Notifications as data, the outbox, and delivery to channels."""
