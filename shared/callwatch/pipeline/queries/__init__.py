"""Compiles a stage file to SQL and runs it: each figure that cannot be read is unknown by itself."""
