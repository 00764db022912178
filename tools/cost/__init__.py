"""Computes what a deployment costs, from the template and a table of prices, and writes docs/cost.md."""
