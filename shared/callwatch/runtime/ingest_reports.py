"""Hands counts of refused items to the tracker's buffer, which is sent before the invocation ends."""

import contextlib
from collections.abc import Iterator, Sequence

from callwatch.exceptions import RequestRefused
from callwatch.ingest.report import IngestReport
from callwatch.tracker import error_tracker


@contextlib.contextmanager
def count_refused_body(report: IngestReport, categories: Sequence[str]) -> Iterator[None]:
    """Count a body that the block refuses as a whole, once for each of the categories; the list may grow in the block."""
    try:
        yield
    except RequestRefused as error:
        for category in categories or ("unknown",):
            report.add("refused", category, error.code)
        hold_report(report)
        raise


def hold_report(report: IngestReport) -> None:
    """Send the counts with the errors that this invocation captured."""
    for message in report.build_messages():
        error_tracker.hold_message(message)
