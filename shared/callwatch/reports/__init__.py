"""Read models: what the API shows."""
