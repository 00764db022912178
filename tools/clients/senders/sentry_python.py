"""Three errors, and two requests if traces are on: with any version of Sentry's SDK."""

import os

import sentry_sdk

has_traces = os.environ.get("TRACES") != "0"
sentry_sdk.init(dsn=os.environ["DSN"], **({"traces_sample_rate": 1.0} if has_traces else {}))
for word in ("first", "second", "third"):
    try:
        raise ValueError(f"{word} error of {os.environ['MARKER']}")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
for _number in range(2 if has_traces else 0):
    with sentry_sdk.start_transaction(op="http.server", name=f"/clients/{os.environ['MARKER']}"):
        pass
sentry_sdk.flush(20)
