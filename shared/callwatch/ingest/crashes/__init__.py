"""Crashes that no SDK can report, because the process ended: time limits, memory, exits; found in a platform's logs."""
