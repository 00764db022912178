"""Answers that several parts have a share in: health, status, metrics of the system and of jobs."""
