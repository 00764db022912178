"""Requests and responses about single items of the watched product: calls, what they cost, whose they are."""
