"""The ways of an e-mail: its content, and one file for each service that sends it."""
