"""Three errors with raven, the SDK before sentry-sdk."""

import os

from raven import Client
from raven.transport.http import HTTPTransport

# Its DSN needs a secret, of which nothing depends today.
address = os.environ["DSN"].replace("@", ":x@", 1)
client = Client(address, transport=HTTPTransport, raise_send_errors=True)
# raven takes an exception at the address of an earlier one for the same, and drops it: none may be freed.
kept = []
for word in ("first", "second", "third"):
    try:
        raise ValueError(f"{word} error of {os.environ['MARKER']}")
    except ValueError as error:
        kept.append(error)
        client.captureException()
