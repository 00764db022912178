"""Probes services and decides their status."""
