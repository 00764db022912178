"""Callwatch: the operations monitor of a call-analytics pipeline."""
