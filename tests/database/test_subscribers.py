"""Subscribers of the public status page: each gets what it asked for, signed, once and in order, whatever a receiver does."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import RequestRefused
from callwatch.reports.status_page.publications import publish
from callwatch.reports.status_page.subscribers import MAX_SUBSCRIBERS, create_subscriber, load_subscribers, remove_subscriber
from callwatch.runtime.responses import encode, find_status
from callwatch.settings import get_settings, reset_settings
from tests.database.test_incidents import evaluate, rules
from tests.database.test_publications import FILE
from tests.support.api_contract import check_response
from tests.support.scripted_receiver import Receiver, Scripted

# Its rules are those of this file, too.
__all__ = ["rules"]

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def page(rules: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.json").write_text(json.dumps(FILE))
    monkeypatch.setenv("STATUS_PAGE_FILE", str(tmp_path / "page.json"))
    monkeypatch.setenv("STATUS_WEBHOOK_SECRET", "a-secret-of-the-server")
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("APP_URL", "https://ops.example.com")
    reset_settings()
    evaluate(0, "cause", stage="analyses")


@pytest.fixture
def other() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def subscribe(receiver: Receiver, *components: str, path: str = "") -> Any:
    given: dict[str, Any] = {"url": receiver.url + path} | ({"components": list(components)} if components else {})
    with connection() as conn:
        made = create_subscriber(conn, given, "ana", get_settings(), NOW)
        conn.commit()
    return made


def say(status: str = "investigating", at: datetime = NOW, **given: Any) -> None:
    words = {"status": status, "body": f"We are {status}.", "title": "Late", "components": ["calls"], **given}
    with connection() as conn:
        publish(conn, "1", words, "maria-of-ops", get_settings(), at)
        execute(conn, "UPDATE callwatch.deliveries SET created_at = %s WHERE kind = 'status.published' AND due_at = %s", (at, at))
        conn.commit()


def remove(subscriber: Any) -> None:
    with connection() as conn:
        remove_subscriber(conn, subscriber["id"])
        conn.commit()


def listed(at: datetime = NOW) -> list[Any]:
    with connection() as conn:
        found = load_subscribers(conn, at)
    check_response("GET", "/api/status-page/subscribers", json.loads(encode(found)))
    return list(found["items"])


def told(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["incident"]["status"] for request in list(receiver.received)]


def rows() -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT * FROM callwatch.deliveries WHERE channel LIKE 'status:%%' ORDER BY id")


def refuse(given: Any) -> tuple[int, str]:
    with connection() as conn, pytest.raises(RequestRefused) as refused:
        create_subscriber(conn, given, "ana", get_settings(), NOW)
    return find_status(refused.value), refused.value.message


def test_each_step_is_told_signed_and_in_order(receiver: Receiver) -> None:
    made = subscribe(receiver)
    check_response("POST", "/api/status-page/subscribers", json.loads(encode(made)))
    for status in ("investigating", "identified", "resolved"):
        say(status)
    assert deliver_due(NOW, 5).sent == 3
    assert told(receiver) == ["investigating", "identified", "resolved"]
    first, *_others, last = receiver.received
    body = Webhook(made["secret"]).verify(first.body, first.headers)
    assert body["type"] == "status.published"
    assert body["page"] == {"id": "callwatch", "name": "Acme", "url": "https://ops.example.com/status"}
    assert body["incident"]["components"] == [{"id": "calls", "name": "Call analysis"}]
    assert body["incident"]["shortlink"] == "https://ops.example.com/status#incident-1"
    ended = json.loads(last.body)["incident"]
    assert [each["status"] for each in ended["incident_updates"]] == ["resolved", "identified", "investigating"]
    assert ended["resolved_at"]
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 3
    assert (listed()[0]["state"], listed()[0]["waiting"]) == ("ok", 0)


def test_no_secret_is_stored_and_each_has_its_own(receiver: Receiver) -> None:
    one, two = subscribe(receiver), subscribe(receiver, path="/2")
    say()
    deliver_due(NOW, 5)
    by_path = {request.path: request for request in receiver.received}
    request = by_path["/hook/2"]
    Webhook(two["secret"]).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(one["secret"]).verify(request.body, request.headers)
    with connection() as conn:
        stored = [fetch_all(conn, f"SELECT * FROM callwatch.{table}") for table in ("status_subscribers", "deliveries")]
    text = json.dumps([stored, listed()], default=str)
    assert not [each for each in (one, two) if each["secret"].removeprefix("whsec_") in text]


def test_rotation_keeps_the_secrets_of_subscribers(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    old = subscribe(receiver)
    monkeypatch.setenv("STATUS_WEBHOOK_SECRET", "a-newer-secret-of-it,a-secret-of-the-server")
    reset_settings()
    new = subscribe(receiver, path="/2")
    say()
    deliver_due(NOW, 5)
    by_path = {request.path: request for request in receiver.received}
    for made, path in ((old, "/hook"), (new, "/hook/2")):
        Webhook(made["secret"]).verify(by_path[path].body, by_path[path].headers)


def test_message_holds_nothing_but_what_is_public(receiver: Receiver) -> None:
    subscribe(receiver)
    say(title="Late for jane@example.com")
    deliver_due(NOW, 5)
    text = receiver.received[0].body.decode()
    assert not [word for word in ("maria", "jane@", "Cause", receiver.url) if word in text]


def test_only_asked_components_are_told(receiver: Receiver, other: Receiver) -> None:
    subscribe(receiver, "calls")
    subscribe(other, "api")
    say()
    deliver_due(NOW, 5)
    assert (told(receiver), told(other)) == (["investigating"], [])
    # A component that is no longer concerned is news for its subscribers.
    say("identified", components=["api"])
    say("resolved", components=["api"])
    deliver_due(NOW, 5)
    assert (told(receiver), told(other)) == (["investigating", "identified"], ["identified", "resolved"])


def test_order_holds_while_the_first_is_retried(receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.script.append(Scripted(503))
    say()
    say("resolved")
    deliver_due(NOW, 5)
    assert told(receiver) == ["investigating"]
    deliver_due(NOW + timedelta(minutes=2), 5)
    assert told(receiver) == ["investigating", "investigating", "resolved"]
    ids = [request.headers["webhook-id"] for request in receiver.received]
    assert ids[0] == ids[1] != ids[2]


def test_dead_subscribers_delay_nobody(receiver: Receiver, other: Receiver) -> None:
    other.default = Scripted(delay_s=20)
    for number in range(30):
        subscribe(other, path=f"/{number}")
    subscribe(receiver)
    say()
    began = time.monotonic()
    deliver_due(NOW, 3)
    assert time.monotonic() - began < 5
    # From then on those that fail come last.
    at = NOW + timedelta(minutes=1)
    deliver_due(at, 3)
    assert told(receiver) == ["investigating"]
    assert {each["state"] for each in listed(at)} == {"failing", "ok"}
    say("resolved", at=at)
    deliver_due(at, 1)
    assert told(receiver) == ["investigating", "resolved"]
    assert "respon" in listed(at)[0]["last_error"]


def run_clock(until: datetime) -> None:
    """As if the monitor had run steadily until then."""
    with connection() as conn:
        execute(conn, "UPDATE callwatch.retention_clock SET seen_at = %s, trusted_at = %s, steady_cycles = 10", (until, until))
        conn.commit()


def test_clock_that_jumps_a_week_switches_nobody_off(receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.default = Scripted(404)
    for day in (0, 7):
        say(at=NOW + day * DAY)
        deliver_due(NOW + day * DAY, 5)
    assert [row["state"] for row in rows()] == ["failed", "failed"]
    assert listed(NOW + 8 * DAY)[0]["state"] == "failing"


def test_week_without_a_delivery_switches_off(receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.default = Scripted(404, {"content-type": "text/plain"}, b"no such place /hook/private-token")
    for day in (0, 3, 6):
        say(at=NOW + day * DAY)
        deliver_due(NOW + day * DAY, 5)
    assert listed(NOW + 6 * DAY)[0]["state"] == "held"
    assert listed(NOW + 6 * DAY)[0]["last_error"] == "the receiver responded with 404"
    say(at=NOW + 7 * DAY)
    say("identified", at=NOW + 7 * DAY)
    run_clock(NOW + 7 * DAY)
    deliver_due(NOW + 7 * DAY, 5)
    (shown,) = listed(NOW + 7 * DAY)
    assert (shown["state"], shown["switched_off_at"], shown["waiting"]) == ("switched_off", NOW + 7 * DAY, 0)
    assert [row["state"] for row in rows()][-2:] == ["failed", "withdrawn"]
    receiver.received.clear()
    say("resolved", at=NOW + 8 * DAY)
    deliver_due(NOW + 8 * DAY, 5)
    assert not receiver.received


def test_a_success_within_the_week_keeps_it_on(receiver: Receiver) -> None:
    subscribe(receiver)
    for day, status in ((0, 404), (6, 200), (8, 404)):
        receiver.default = Scripted(status)
        say(at=NOW + day * DAY)
        run_clock(NOW + day * DAY)
        deliver_due(NOW + day * DAY, 5)
    assert listed(NOW + 9 * DAY)[0]["state"] == "failing"


def test_removed_subscriber_hears_nothing_more(receiver: Receiver, other: Receiver) -> None:
    made = subscribe(receiver)
    subscribe(other)
    say()
    remove(made)
    say("resolved")
    deliver_due(NOW, 5)
    assert (told(receiver), told(other)) == ([], ["investigating", "resolved"])
    assert [row["state"] for row in rows()] == ["withdrawn", "sent", "sent"]
    with pytest.raises(RequestRefused) as refused:
        remove(made)
    assert find_status(refused.value) == 404
    assert subscribe(receiver)["secret"] != made["secret"], "the same URL may come back, with another secret"


def test_removal_after_the_claim_sends_nothing(receiver: Receiver) -> None:
    subscribe(receiver)
    say()
    with connection() as conn:
        # As if the publication was committed after the removal had withdrawn what waited.
        execute(conn, "DELETE FROM callwatch.status_subscribers")
        conn.commit()
    deliver_due(NOW, 5)
    assert not receiver.received
    assert [(row["state"], row["last_error"]) for row in rows()] == [("failed", "the subscriber was removed or switched off")]


@pytest.mark.parametrize("name", ["STATUS_PAGE_FILE", "STATUS_WEBHOOK_SECRET"])
def test_what_cannot_be_sent_here_waits(name: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(receiver)
    say()
    value = os.environ[name]
    monkeypatch.delenv(name)
    reset_settings()
    deliver_due(NOW, 5)
    assert not receiver.received
    assert (rows()[0]["state"], rows()[0]["attempts"]) == ("due", 0)
    assert refuse({"url": "https://a.example"})[0] == 409
    assert listed()[0]["waiting"] == 1
    monkeypatch.setenv(name, value)
    reset_settings()
    assert deliver_due(NOW, 5).sent == 1


def send_in_a_process(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    reset_settings()
    deliver_due(NOW, 20)


def start_senders(count: int) -> list[Any]:
    names = ("DATABASE_URL", "STATUS_PAGE_FILE", "STATUS_WEBHOOK_SECRET", "WEBHOOK_ALLOWED_NETWORKS")
    environ = {name: os.environ[name] for name in names}
    context = multiprocessing.get_context("spawn")
    senders = [context.Process(target=send_in_a_process, args=(environ,)) for _ in range(count)]
    for sender in senders:
        sender.start()
    return senders


def test_two_notifiers_send_each_message_once(receiver: Receiver) -> None:
    for number in range(20):
        subscribe(receiver, path=f"/{number}")
    for status in ("investigating", "identified", "resolved"):
        say(status)
    for sender in start_senders(2):
        sender.join(60)
    # A sender leaves to the next cycle what waits behind a message that the other one sends at that moment.
    deliver_due(NOW, 5)
    ids = [request.headers["webhook-id"] for request in receiver.received]
    assert len(ids) == len(set(ids)) == 60
    paths = {request.path for request in receiver.received}
    statuses = {
        path: [json.loads(each.body)["incident"]["status"] for each in receiver.received if each.path == path] for path in paths
    }
    assert set(map(tuple, statuses.values())) == {("investigating", "identified", "resolved")}


def test_killed_notifier_is_followed_under_the_same_id(receiver: Receiver) -> None:
    subscribe(receiver)
    receiver.script.append(Scripted(delay_s=20))
    say()
    (sender,) = start_senders(1)
    deadline = time.monotonic() + 30
    while not receiver.received and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(sender.pid, signal.SIGKILL)
    sender.join(10)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_until = now() - interval '1 second' WHERE state = 'due'")
        conn.commit()
    assert deliver_due(NOW, 5).sent == 1
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def test_claim_of_a_notifier_that_died_is_sent_once(receiver: Receiver) -> None:
    subscribe(receiver)
    say()
    with connection() as conn:
        execute(
            conn,
            "UPDATE callwatch.deliveries SET claimed_by = 'dead', claimed_until = now() + interval '1 second', attempts = 1"
            " WHERE channel LIKE 'status:%%'",
        )
        conn.commit()
    assert deliver_due(NOW, 5).sent == 0
    time.sleep(1.1)
    assert deliver_due(NOW, 5).sent == 1
    assert told(receiver) == ["investigating"]


def test_private_target_of_a_name_is_not_reached(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_ALLOWED_NETWORKS")
    reset_settings()
    with connection() as conn:
        create_subscriber(conn, {"url": receiver.url.replace("127.0.0.1", "localhost")}, "ana", get_settings(), NOW)
        conn.commit()
    say()
    deliver_due(NOW, 5)
    assert not receiver.received
    assert "has a private address" in listed()[0]["last_error"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "url: must be an https or http URL"),
        ({"url": "ftp://a.example"}, "url: must be an https or http URL"),
        ({"url": "https://ana:pass@a.example/x"}, "url: must be an https or http URL"),
        ({"url": "https://a.example/" + "x" * 1000}, "url: must be an https or http URL"),
        ({"url": "https://a.example/\x00"}, "url: must be an https or http URL"),
        ({"url": ["https://a.example"]}, "url: must be an https or http URL"),
        ({"url": "http://169.254.169.254/latest"}, "url: must not have a private address"),
        ({"url": "http://[::1]/x"}, "url: must not have a private address"),
        ({"url": "https://a.example", "components": []}, "components: must be a list of ids"),
        ({"url": "https://a.example", "components": ["nope"]}, "components: must be a list of ids"),
        ({"url": "https://a.example", "components": [{}]}, "components: must be a list of ids"),
        ({"url": "https://a.example", "component": ["calls"]}, "component: is no field; the fields are url, components"),
    ],
)
def test_bad_subscribers_name_field_and_remedy(given: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_ALLOWED_NETWORKS")
    reset_settings()
    status, message = refuse(given)
    assert (status, says in message) == (422, True), message
    assert listed() == []


def test_subscribers_are_bounded_and_have_one_url_each(receiver: Receiver) -> None:
    for number in range(MAX_SUBSCRIBERS - 1):
        subscribe(receiver, path=f"/{number}")
    assert refuse({"url": f"{receiver.url}/1"})[0] == 409
    subscribe(receiver)
    assert refuse({"url": "https://a.example"}) == (409, "the page has 100 subscribers; remove one")
    say()
    assert deliver_due(NOW, 10).sent == MAX_SUBSCRIBERS
