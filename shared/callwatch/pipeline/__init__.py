"""Reads the watched product's stages as samples; read only, bounded, and never with an invented 0."""
