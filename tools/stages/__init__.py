"""`make stages`: checks a stage file against a database before a monitor runs with it."""
