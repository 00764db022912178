"""`callwatch`: status, incidents, errors, one call, routes, and what people do: silence, take, test a channel, follow."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from callwatch_cli.api import Api, CommandError, find_api
from callwatch_cli.follow import Known, look
from callwatch_cli.show import show_facts, show_json, show_table, show_value

_INCIDENTS = ("id", "level", "state", "sentence", "owner")
_ERRORS = ("id", "severity", "state", "count", "last_seen_at", "message")
_STEPS = ("stage", "state", "began_at", "ended_at", "attempts", "reason")
_ROUTE = (
    "rule_id",
    "level",
    "route",
    "channels",
    "channels_not_configured",
    "group",
    "wait_s",
    "repeat_s",
    "escalation",
    "quiet_until",
    "next_digest_at",
    "source",
    "problem",
)
_MAX_KNOWN = 5_000
_MINUTES_OF_A_YEAR = 525_600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 1 if it did not, 2 for a wrong use."""
    given = _build_parser().parse_args(arguments, argparse.Namespace(json=False, profile=None))
    run: Callable[[Api, argparse.Namespace], None] = given.run
    try:
        run(find_api(given.profile), given)
    except CommandError as error:
        print(f"callwatch: {show_value(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _build_parser() -> argparse.ArgumentParser:
    # Before and behind the command: what is left out behind it must not replace what stands before it.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the response as JSON")
    common.add_argument("--profile", help="a profile of ~/.config/callwatch/profiles.toml; default: the environment")
    parser = argparse.ArgumentParser(prog="callwatch", description=__doc__, parents=[common])
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[Api, argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, parents=[common], help=about, description=about)
        found.set_defaults(run=run)
        return found

    add("status", _show_status, "whether the product works, and what is wrong")
    for name, run, about in (("incidents", _show_incidents, "incidents, newest first"), ("errors", _show_errors, "error groups")):
        found = add(name, run, about)
        found.add_argument("--state", help="only those in this state")
        found.add_argument("--limit", type=int, default=20)
    add("call", _call, "one call through all stages").add_argument("id")
    silence = add("silence", _silence, "mute a rule or a service")
    silence.add_argument("--rule")
    silence.add_argument("--service")
    silence.add_argument("--minutes", type=_read_minutes, required=True, help="from now, at most a year")
    silence.add_argument("--reason", required=True)
    route = add("route", _route, "where an alert would go, and by which route")
    route.add_argument("rule", help="the id of a rule")
    route.add_argument("--label", action="append", default=[], metavar="NAME=VALUE", help="a label of the alert; may be repeated")
    route.add_argument("--at", help="when it begins, such as 2030-01-31T22:00:00Z; default: now")
    take = add("take", _take, "become the owner of an incident")
    take.add_argument("id")
    take.add_argument("--reason", required=True)
    add("test-channel", _test_channel, "send a marked test notification through a channel").add_argument("name")
    tail = add("tail", _tail, "follow new alerts and errors until Ctrl-C")
    tail.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    tail.add_argument("--once", action="store_true", help="show what is there and end")
    return parser


def _read_minutes(given: str) -> int:
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= _MINUTES_OF_A_YEAR:
        raise argparse.ArgumentTypeError("a whole number from 1 to 525600")
    return int(given)


def _show_status(api: Api, given: argparse.Namespace) -> None:
    found = api.call("GET", "/api/status")
    if given.json:
        return show_json(found)
    queues, activity = found["services"]["queues"], found["recent_activity"]
    facts = {"status": found["status"], "database": found["services"]["database"]["status"], **found["services"]["external_apis"]}
    facts |= {
        f"{name} pending": _explain(found, f"services.queues.{name}.pending", queue["pending"]) for name, queue in queues.items()
    }
    facts |= {name: _explain(found, f"recent_activity.{name}", value) for name, value in activity.items()}
    show_facts(facts)
    return show_table(found["issues"], ("type", "rule_id", "since", "message"), {})


def _explain(found: Mapping[str, Any], path: str, value: object) -> str:
    return show_value(value, found["unknown"].get(path))


def _list(api: Api, given: argparse.Namespace, path: str, columns: Sequence[str]) -> None:
    query = {"limit": str(given.limit), **({"state": given.state} if given.state else {})}
    found = api.call("GET", path, query=query)
    if given.json:
        return show_json(found)
    return show_table(found["items"], columns, found["unknown"])


def _show_incidents(api: Api, given: argparse.Namespace) -> None:
    _list(api, given, "/api/incidents", _INCIDENTS)


def _show_errors(api: Api, given: argparse.Namespace) -> None:
    _list(api, given, "/api/errors", _ERRORS)


def _call(api: Api, given: argparse.Namespace) -> None:
    found = api.call("GET", f"/api/calls/{quote(given.id, safe='')}")
    show_json(found) if given.json else show_table(found["steps"], _STEPS, {})


def _silence(api: Api, given: argparse.Namespace) -> None:
    matchers = {name: value for name, value in (("rule_id", given.rule), ("service", given.service)) if value}
    if not matchers:
        raise CommandError("give --rule or --service")
    ends_at = (datetime.now(UTC) + timedelta(minutes=given.minutes)).isoformat()
    found = api.call("POST", "/api/silences", {"matchers": matchers, "reason": given.reason, "ends_at": ends_at})
    show_json(found) if given.json else show_facts({name: found[name] for name in ("id", "ends_at", "warnings")})


def _route(api: Api, given: argparse.Namespace) -> None:
    pairs = [label.partition("=") for label in given.label]
    if not all(name and separator for name, separator, _value in pairs):
        raise CommandError("--label must be NAME=VALUE")
    asked = {"rule_id": given.rule, "labels": {name: value for name, _separator, value in pairs}}
    found = api.call("POST", "/api/routes/dry-run", asked | ({"at": given.at} if given.at else {}))
    if given.json:
        return show_json(found)
    show_facts({name: _explain(found, name, found[name]) for name in _ROUTE})
    return show_table(found["passed"], ("name", "because"), {})


def _take(api: Api, given: argparse.Namespace) -> None:
    found = api.call("POST", f"/api/incidents/{quote(given.id, safe='')}/take", {"reason": given.reason})
    show_json(found) if given.json else show_facts({name: found[name] for name in ("id", "sentence", "owner")})


def _test_channel(api: Api, given: argparse.Namespace) -> None:
    found = api.call("POST", f"/api/channels/{quote(given.name, safe='')}/test", {"reason": "callwatch test-channel"})
    show_json(found) if given.json else show_facts({name: value for name, value in found.items() if name != "unknown"})


def _tail(api: Api, given: argparse.Namespace) -> None:
    """Print each alert and error group once in each state, the oldest first; a failed look is reported, and tried again."""
    known: dict[Known, None] = {}
    while True:
        try:
            for key, text, item in look(api, known):
                if key not in known:
                    known[key] = None
                    show_json({"kind": key.kind, **item}) if given.json else print(show_value(text), flush=True)
        except CommandError as error:
            if given.once:
                raise
            print(f"callwatch: {show_value(str(error))}", file=sys.stderr)
        for key in list(known)[:-_MAX_KNOWN]:
            del known[key]
        if given.once:
            return
        time.sleep(max(1.0, given.every))


if __name__ == "__main__":
    sys.exit(main())
