"""Check-ins of jobs by address alone: /ping/{key}/{slug} and Sentry's cron/{slug}/{key}/. Success only after the queue has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request, Response
from callwatch.api.routes import INGEST_CHECK_IN
from callwatch.exceptions import Invalid, Rejected
from callwatch.ingest.check_in_urls import read_address, read_fields
from callwatch.ingest.check_ins import accept_check_in, build_check_in_message
from callwatch.ingest.patient_send import compute_end_of_patience, send_patiently
from callwatch.runtime.admission import admission
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import work_deadline
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import CheckInAccepted


def handle(request: Request) -> Response[str] | Response[CheckInAccepted]:
    """Accept one check-in. A ping is answered with a line of text, Sentry's form with 202 as Sentry does.

    What of a schedule cannot be used costs no check-in; the response names it.
    """
    address, now = read_address(request), datetime.now(UTC)
    try:
        row, problems = accept_check_in(read_fields(request, address), now)
    except Rejected as error:
        raise Invalid(error.field, str(error)) from None
    project_id = int(request.actor.removeprefix("project:"))
    send_patiently(
        get_settings().error_queue_url, [build_check_in_message([row], project_id, now)], compute_end_of_patience(work_deadline())
    )
    if address.project is None:
        text = "\n".join(["OK", *problems])
        return Response(INGEST_CHECK_IN.status, text, {"content-type": "text/plain; charset=utf-8"})
    body: CheckInAccepted = {"problems": problems} if problems else {}
    if row["run_id"]:
        body["id"] = row["run_id"]
    return Response(202, body)


lambda_handler = endpoint(INGEST_CHECK_IN, admit=admission.admit_check_in)(handle)
