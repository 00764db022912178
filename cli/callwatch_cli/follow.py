"""What is new since the last look: alerts and errors that appeared, and alerts that ended, wherever they stand in their list."""

import sys
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

from callwatch_cli.api import Api, CommandError

_MAX_PAGES = 20
_ALERTS = "/api/alerts"


class Known(NamedTuple):
    """An item in a state, of which a person was shown a line."""

    kind: str
    id: str
    state: str


class News(NamedTuple):
    """A line to show, and what it is about."""

    known: Known
    text: str
    item: Mapping[str, Any]


def look(api: Api, known: Mapping[Known, None]) -> list[News]:
    """Return what no line was shown of, the oldest first; an item may be in it twice. Raises CommandError."""
    alerts = read_new(api, "alert", _ALERTS, known)
    alerts += _read_ended(api, known, {str(item["id"]) for item in alerts})
    errors = read_new(api, "error", "/api/errors", known)
    found = [
        (item["started_at"], "alert", f"{item['level']} {item['state']}: {item['title']}: {item['message']}", item)
        for item in alerts
    ]
    found += [(item["last_seen_at"], "error", f"{item['severity']} {item['state']}: {item['message']}", item) for item in errors]
    return [
        News(_name(kind, item), f"{at} {kind} {text}", item) for at, kind, text, item in sorted(found, key=lambda each: each[0])
    ]


def read_new(api: Api, kind: str, path: str, known: Container[Known]) -> list[Any]:
    """Read a list from the newest on, as far as an item that is known; of a first look the first page."""
    return _read_pages(api, path, {"limit": "50"}, lambda items: not known or any(_name(kind, item) in known for item in items))


def _read_ended(api: Api, known: Mapping[Known, None], read: Container[str]) -> list[Any]:
    """Read the alerts that were shown as firing, fire no more, and stand behind the pages that were read."""
    ended = {each.id for each in known if each.kind == "alert" and each.state == "resolved"}
    waiting = [each.id for each in known if each.kind == "alert" and each.state == "firing"]
    waiting = [alert_id for alert_id in waiting if alert_id not in ended and alert_id not in read]
    if not waiting:
        return []
    firing = _read_pages(api, _ALERTS, {"limit": "200", "state": "firing"}, lambda _items: False)
    still = {str(item["id"]) for item in firing}
    return [found for found in (_find_alert(api, alert_id) for alert_id in waiting if alert_id not in still) if found]


def _find_alert(api: Api, alert_id: str) -> Any:
    """Return an alert; None if it was deleted meanwhile."""
    try:
        return api.call("GET", f"{_ALERTS}/{alert_id}")
    except CommandError as error:
        if error.status != 404:
            raise
        return None


def _read_pages(api: Api, path: str, query: dict[str, str], is_enough: Callable[[Sequence[Any]], bool]) -> list[Any]:
    found: list[Any] = []
    for _page in range(_MAX_PAGES):
        answer = api.call("GET", path, query=query)
        found += answer["items"]
        cursor = answer.get("next_cursor")
        if cursor is None or is_enough(answer["items"]):
            return found
        query = {**query, "cursor": cursor}
    print(f"callwatch: more than {len(found)} new at once in {path}: the older of them are not shown", file=sys.stderr)
    return found


def _name(kind: str, item: Mapping[str, Any]) -> Known:
    return Known(kind, str(item["id"]), str(item.get("state")))
