"""Statements about rules that people make, and the samples that they are tried on."""
