"""Removes personal data and secrets, and what JSON or PostgreSQL cannot hold."""
