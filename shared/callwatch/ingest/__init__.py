"""Accepts errors and requests from outside: bounded, sanitized, and kept even if other items of the body are bad."""
