"""Simulates the watched product: its tables, its faults, scenes and fake vendors."""
