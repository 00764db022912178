"""The API document (OpenAPI 3.1), as `make docs` generated it from the routes and their shapes.

It is part of the layer, so that the function that returns it imports no generator.
"""

from pathlib import Path

DOCUMENT = Path(__file__).with_name("openapi.json")


def read_document() -> str:
    """The document as JSON text."""
    return DOCUMENT.read_text()
