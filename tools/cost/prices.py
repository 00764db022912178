"""AWS's list prices for us-east-1 in USD, each with its source; without free tier, credits or savings plans."""

from typing import NamedTuple

REGION = "us-east-1"
HOURS = 730
MILLION = 1_000_000


class Price(NamedTuple):
    """One price. source: where it was read, and the date of that page; "not confirmed" if no page could be read."""

    usd: float
    per: str
    source: str


PRICES = {
    "lambda_gb_s": Price(0.0000133334, "GB-second on arm64", "cloudchipr.com, 2024"),
    "lambda_request": Price(0.20 / MILLION, "invocation", "git.mcrn.ar, undated"),
    "api_request": Price(1.00 / MILLION, "request to an HTTP API, the first 300 M a month", "awsforengineers.com, 2025-05-19"),
    "api_request_more": Price(0.90 / MILLION, "each further request", "amnic.com, read 2026-11-29"),
    "sqs_request": Price(0.40 / MILLION, "request of at most 64 KB", "cloudburn.io, 2026-03-14"),
    "schedule_call": Price(1.00 / MILLION, "call of EventBridge Scheduler", "cloudburn.io, 2026-03-13"),
    "secret": Price(0.40, "secret", "hivebook.wiki, undated"),
    "key": Price(1.00, "customer-managed key of KMS", "cloudburn.io, 2026-03-14"),
    "alarm": Price(0.10, "alarm of CloudWatch", "c3x.dev, undated"),
    "metric": Price(0.30, "custom metric", "signoz.io, 2026-02-15"),
    "dashboard": Price(3.00, "dashboard of CloudWatch", "factualminds.com, 2026-06-13"),
    "log_gb": Price(0.50, "GB of logs", "factualminds.com, 2026-06-13"),
    "trace": Price(5.00 / MILLION, "recorded trace of X-Ray", "aws.amazon.com/xray/pricing, a stored copy"),
    "nat_hour": Price(0.045, "hour of a NAT gateway", "cloudburn.io, 2026-02-24"),
    "nat_gb": Price(0.045, "GB through a NAT gateway", "cloudburn.io, 2026-02-24"),
    "address_hour": Price(0.005, "hour of a public IPv4 address", "cloudburn.io, 2026-02-24"),
    "db.t4g.micro": Price(0.016, "hour of RDS PostgreSQL, 2 vCPU, 1 GB", "infratally.com, 2026"),
    "db.t4g.medium": Price(0.065, "hour of RDS PostgreSQL, 2 vCPU, 4 GB", "infratally.com, 2026"),
    "db.m7g.large": Price(0.168, "hour of RDS PostgreSQL, 2 vCPU, 8 GB", "not confirmed"),
    "disk_gb": Price(0.115, "GB-month of its disk, gp3", "usage.ai, June 2026"),
    "s3_gb": Price(0.023, "GB-month of S3 Standard, the first 50 TB", "devnotes.tech, read 2026-12-01"),
    "s3_put": Price(5.00 / MILLION, "write of an object", "devnotes.tech, read 2026-12-01"),
    "proxy_vcpu_hour": Price(0.015, "hour and vCPU of RDS Proxy, at least two", "not confirmed"),
}


def find_price(name: str) -> float:
    """Return a price by its name."""
    return PRICES[name].usd
