"""The program behind `make deploy`."""
