"""Requests, responses, batches and filters as the functions see them."""
