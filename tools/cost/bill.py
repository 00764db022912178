"""The lines of a month's bill: idle, an open page, and events; each with its calculation."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.cost.deployment import MINUTES, Deployment
from tools.cost.prices import HOURS, MILLION, find_price

VCPU_MB = 1_769
SECONDS = MINUTES * 60

# Measured or assumed; docs/cost.md lists them with where each comes from.
CYCLE_S = 2.0
# Requests of one idle cycle: tests/database/test_idle_cycle.py counts them.
CYCLE_QUEUE_CALLS = 2
# AWS Lambda developer guide: an event source polls a queue with five connections, each waits 20 s.
EVENT_SOURCE_CALLS_A_MINUTE = 15
CYCLE_LOG_KB = 2.5
REQUEST_LOG_KB = 1.7
INGEST_LOG_KB = 1.3
# The overview each 30 s, and the slow data of the first view with each tenth: tests/browser/test_live.py counts them.
PAGE_REQUESTS, PAGE_EVERY_S = 20, 300
READ_CPU_MS, READ_WAIT_MS = 9.0, 30.0
AUTHORIZE_CPU_MS = 0.5
INGEST_CPU_MS, INGEST_WAIT_MS = 2.0, 12.0
DIGEST_CPU_US = 200.0
EVENT_KB = 8
ROW_KB = 3.0
RETENTION_MONTHS = 3
SAMPLED = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill; usd a month."""

    item: str
    calculation: str
    usd: float


def list_idle(found: Deployment) -> list[Line]:
    """The month of a deployment that receives nothing and shows no page."""
    cycle_gb_s = found.cycles * CYCLE_S * found.memory_gb["RunMonitor"]
    calls = found.cycles * CYCLE_QUEUE_CALLS + MINUTES * EVENT_SOURCE_CALLS_A_MINUTE
    log_gb = found.cycles * CYCLE_LOG_KB / MILLION
    alarms, dashboards = found.resources.get("AWS::CloudWatch::Alarm", 0), found.resources.get("AWS::CloudWatch::Dashboard", 0)
    keys = found.resources.get("AWS::KMS::Key", 0)
    lines = [*_list_network(found), *_list_database(found)]
    lines += [
        Line(
            "the monitor's cycle",
            f"{found.cycles:,} x {CYCLE_S:g} s x {found.memory_gb['RunMonitor']:g} GB, and its invocations",
            cycle_gb_s * find_price("lambda_gb_s") + found.cycles * find_price("lambda_request"),
        ),
        Line("its schedule", f"{found.cycles:,} calls", found.cycles * find_price("schedule_call")),
        Line(
            "requests to idle queues",
            f"{found.cycles:,} x {CYCLE_QUEUE_CALLS} of the cycle + {MINUTES:,} x {EVENT_SOURCE_CALLS_A_MINUTE} of Lambda",
            calls * find_price("sqs_request"),
        ),
        Line("secrets", f"{found.secrets}", found.secrets * find_price("secret")),
        Line("keys", f"{keys}, of the alarms' topic", keys * find_price("key")),
        Line("alarms", f"{alarms}", alarms * find_price("alarm")),
        Line("custom metrics", "2", 2 * find_price("metric")),
        Line("dashboard in CloudWatch", f"{dashboards}", dashboards * find_price("dashboard")),
        Line("logs", f"{found.cycles:,} x {CYCLE_LOG_KB:g} KB", log_gb * find_price("log_gb")),
        Line("traces", f"{found.cycles:,} cycles", found.cycles * find_price("trace")),
    ]
    return [line for line in lines if line.usd]


def _list_network(found: Deployment) -> list[Line]:
    gateways, addresses = (found.resources.get(f"AWS::EC2::{kind}", 0) for kind in ("NatGateway", "EIP"))
    hourly = gateways * find_price("nat_hour") + addresses * find_price("address_hour")
    return [
        Line(
            "NAT gateway and its address",
            f"{HOURS} h x ({find_price('nat_hour')} + {find_price('address_hour')})",
            HOURS * hourly,
        )
    ]


def _list_database(found: Deployment) -> list[Line]:
    if found.instance_class is None:
        return []
    hourly = find_price(found.instance_class)
    return [
        Line(f"PostgreSQL, {found.instance_class}", f"{HOURS} h x {hourly}", HOURS * hourly),
        Line("its disk", f"{found.disk_gb:g} GB x {find_price('disk_gb')}", found.disk_gb * find_price("disk_gb")),
    ]


def list_open_page(found: Deployment) -> list[Line]:
    """What one page adds that is visible for the whole month."""
    requests = PAGE_REQUESTS * SECONDS / PAGE_EVERY_S
    memory_gb = found.memory_gb["GetOverview"]
    read_s = estimate_run_s(READ_CPU_MS, READ_WAIT_MS, memory_gb)
    authorize_s = estimate_run_s(AUTHORIZE_CPU_MS, 0, found.memory_gb["Authorize"])
    gb_s = requests * (read_s * memory_gb + authorize_s * found.memory_gb["Authorize"])
    return [
        Line("API Gateway", f"{requests / MILLION:.2f} M requests", price_requests(requests)),
        Line(
            "functions and authorizer, invocations",
            f"2 x {requests / MILLION:.2f} M",
            2 * requests * find_price("lambda_request"),
        ),
        Line(
            "their time",
            f"{read_s * 1000:.0f} ms x {memory_gb:g} GB and {authorize_s * 1000:.0f} ms",
            gb_s * find_price("lambda_gb_s"),
        ),
        Line("logs", f"{REQUEST_LOG_KB:g} KB each", requests * REQUEST_LOG_KB / MILLION * find_price("log_gb")),
        # Each of them is the first of its second at its function.
        Line("traces", "nearly all", requests * find_price("trace")),
    ]


def list_events(found: Deployment, events: float) -> list[Line]:
    """What so many events a month add, each an error of 8 KB that is sent alone; without the database's class."""
    memory_gb, monitor_gb = found.memory_gb["IngestEnvelope"], found.memory_gb["RunMonitor"]
    ingest_s = estimate_run_s(INGEST_CPU_MS, INGEST_WAIT_MS, memory_gb)
    digest_s = estimate_run_s(DIGEST_CPU_US / 1000, 0, monitor_gb)
    stored_gb = events * ROW_KB * RETENTION_MONTHS / MILLION
    # A send; a receive and a delete of ten, where ten messages of 8 KB count as two requests of 64 KB.
    requests = events * (1 + 0.2 + 0.1)
    has_nat, has_disk = bool(found.resources.get("AWS::EC2::NatGateway")), found.instance_class is not None
    millions = f"{events / MILLION:,.0f} M"
    lines = [
        Line("API Gateway", f"{millions} requests", price_requests(events)),
        Line("ingest, invocations", millions, events * find_price("lambda_request")),
        Line(
            "ingest, time",
            f"{millions} x {ingest_s * 1000:.0f} ms x {memory_gb:g} GB",
            events * ingest_s * memory_gb * find_price("lambda_gb_s"),
        ),
        Line("SQS", f"{millions} x (1 send + 0.2 receive + 0.1 delete)", requests * find_price("sqs_request")),
        Line(
            "digest",
            f"{millions} x {digest_s * 1e6:,.0f} us x {monitor_gb:g} GB",
            events * digest_s * monitor_gb * find_price("lambda_gb_s"),
        ),
        Line("logs", f"{INGEST_LOG_KB:g} KB each", events * INGEST_LOG_KB / MILLION * find_price("log_gb")),
        Line("traces", "the first of each second, 5 % of the others", count_traces(events) * find_price("trace")),
    ]
    if has_disk:
        lines.append(Line("disk", f"{ROW_KB:g} KB each x {RETENTION_MONTHS} months", stored_gb * find_price("disk_gb")))
    if has_nat:
        lines.append(
            Line("NAT, messages into the VPC", f"{EVENT_KB} KB each", events * EVENT_KB / MILLION * find_price("nat_gb"))
        )
    return lines


def count_traces(events: float) -> float:
    """X-Ray records the first request of each second, and 5 % of the others."""
    first = min(events, SECONDS)
    return first + SAMPLED * (events - first)


def estimate_run_s(cpu_ms: float, wait_ms: float, memory_gb: float) -> float:
    """How long a function runs: Lambda gives it a share of a CPU by its memory, up to one for one thread."""
    return (cpu_ms / min(1.0, memory_gb * 1024 / VCPU_MB) + wait_ms) / 1000


def price_requests(requests: float) -> float:
    """Requests to an HTTP API, whose price falls after the first 300 million of a month."""
    first = min(requests, 300 * MILLION)
    return first * find_price("api_request") + (requests - first) * find_price("api_request_more")


def sum_lines(lines: Sequence[Line]) -> float:
    """The sum of the lines."""
    return sum(line.usd for line in lines)
