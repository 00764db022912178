"""Payloads of errors outside of PostgreSQL: immutable objects in a store of files, one a batch, day and project.

1. `lines.py` renders an occurrence as one JSON line; `frames.py` compresses it alone, so that a part of an object can be read.
2. `objects.py` announces objects in the database, writes them, and removes those whose occurrences were never committed.
3. `read.py` reads single payloads, and says why one cannot be read.
4. `erase.py` makes a payload unreadable, and moves no other.
"""
