"""The shapes of the API's requests and responses, each declared once, as types alone.

mypy checks each response where it is built; tools/openapi.py generates the API document from the same types. A module that
an ingest function or health imports names them under TYPE_CHECKING, so that they cost no cold start. Every figure may be
null: `unknown` in the response then says why, by dotted path. Fields are only ever added.
"""
