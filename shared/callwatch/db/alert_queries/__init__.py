"""Statements about the rules and silences that people make, and the samples that rules are tried on."""
