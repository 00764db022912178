"""Tells names of people from things: word lists, what they say about a word, and the shapes of names."""
