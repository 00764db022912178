"""Decides what an error is: its fingerprint, class, frames and release order."""
