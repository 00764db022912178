"""The monitor's cycle and its steps."""
