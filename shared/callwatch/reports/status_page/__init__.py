"""The public status page: what people publish, what the monitor assesses, and the forms in which everybody reads it."""
