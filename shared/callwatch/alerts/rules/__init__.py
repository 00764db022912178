"""Rules as data: built in, from a file, or added in Python."""
