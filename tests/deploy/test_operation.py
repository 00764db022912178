"""What a deployment needs to be run well: the API's limits and logs, the schedule, alarms on metrics that AWS has."""

import json
import re
from typing import Any

import pytest

from callwatch.db.migrate import Migration, load_migrations
from local.smoke import CONCURRENCY, REQUESTS
from tests.deploy.template import ROOT, of_type, source, transformed

# Metrics as AWS names them, each with its one set of dimensions.
KNOWN = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/ApiGateway", "Count"): {"ApiId"},
    ("AWS/ApiGateway", "4xx"): {"ApiId"},
    ("AWS/ApiGateway", "5xx"): {"ApiId"},
    ("AWS/ApiGateway", "Latency"): {"ApiId"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/RDS", "FreeStorageSpace"): {"DBInstanceIdentifier"},
    ("Callwatch", "CycleCompleted"): {"stage", "service"},
    ("Callwatch", "StepsFailed"): {"stage", "service"},
}
# Of the whole account, whose limit it is.
WITHOUT_DIMENSIONS = ("AWS/Lambda", "Throttles")


def stage() -> dict[str, Any]:
    (found,) = of_type("AWS::ApiGatewayV2::Stage").values()
    return found


def test_the_api_writes_a_line_of_json_for_each_request_into_a_group_of_its_own() -> None:
    settings = stage()["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    assert "\n" not in settings["Format"], "API Gateway takes one line"
    assert {"request_id", "route", "status", "duration_ms", "ip"} <= set(json.loads(settings["Format"]))


def test_reads_are_throttled_above_what_the_smoke_test_sends_and_senders_of_errors_far_above() -> None:
    reads, routes = stage()["DefaultRouteSettings"], stage()["RouteSettings"]
    assert reads["ThrottlingBurstLimit"] >= max(REQUESTS, CONCURRENCY)
    body = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]
    known = {f"{method.upper()} {path}" for path, methods in body["paths"].items() for method in methods}
    assert set(routes) == {"POST /api/{project}/{proxy+}", "POST /api/errors", "POST /api/requests"}
    assert set(routes) <= known, "a stage with settings for a route that is not there is refused"
    assert all(route["ThrottlingRateLimit"] >= 10 * reads["ThrottlingRateLimit"] for route in routes.values())


def test_pages_of_others_may_call_the_api_only_where_they_are_named() -> None:
    cors = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]["x-amazon-apigateway-cors"]
    assert set(cors["allowMethods"]) == {"GET", "POST", "DELETE"}
    assert "allowCredentials" not in cors
    assert source()["Parameters"]["CorsOrigins"]["Default"] == "https://nobody.invalid"


def test_the_schedule_is_of_a_minute_and_leaves_the_next_one_to_make_good_what_failed() -> None:
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": ["RunMonitor", "Arn"]}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    (invocation,) = of_type("AWS::Lambda::EventInvokeConfig").values()
    assert (invocation["MaximumEventAgeInSeconds"], invocation["MaximumRetryAttempts"]) == (60, 0)
    reserved = of_type("AWS::Lambda::Function")["RunMonitor"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReserveMonitor", 1, {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize("name", sorted(of_type("AWS::CloudWatch::Alarm")))
def test_an_alarm_waits_for_a_metric_that_there_is(name: str) -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")[name]
    metric = alarm["Namespace"], alarm["MetricName"]
    dimensions = {dimension["Name"] for dimension in alarm.get("Dimensions", [])}
    assert dimensions == (set() if metric == WITHOUT_DIMENSIONS else KNOWN[metric])


def test_what_can_go_wrong_unseen_has_its_alarm() -> None:
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in of_type("AWS::CloudWatch::Alarm").values()}
    assert {("Callwatch", "CycleCompleted"), ("AWS/ApiGateway", "5xx"), ("AWS/Lambda", "Errors"), WITHOUT_DIMENSIONS} <= watched
    assert {metric for namespace, metric in watched if namespace == "AWS/SQS"} == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
    }


def test_the_dashboard_in_cloudwatch_shows_metrics_that_there_are() -> None:
    body = of_type("AWS::CloudWatch::Dashboard")["OperationsDashboard"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    for metric in [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]:
        namespace, name, *pairs = [part for part in metric if isinstance(part, str)]
        assert set(pairs[::2]) == KNOWN[namespace, name], metric


def test_every_output_that_the_guides_name_is_there() -> None:
    guides = " ".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    named = set(re.findall(r"<([A-Z]\w+(?:Arn|Function|Domain|Url|Name))>", guides))
    assert named
    assert named <= set(transformed()["Outputs"])


# What functions of the release before could miss for the minutes of a deployment, or after a rollback.
TAKES_AWAY = r"DROP\s+(TABLE|COLUMN|VIEW|FUNCTION|SCHEMA)|RENAME|ALTER\s+COLUMN\s+\w+\s+(TYPE|SET\s+NOT\s+NULL|DROP\s+DEFAULT)"


@pytest.mark.parametrize("migration", load_migrations(), ids=str)
def test_a_migration_adds_and_takes_nothing_from_the_functions_before_it(migration: Migration) -> None:
    statements = re.sub(r"--[^\n]*", "", migration.sql)
    assert not re.search(TAKES_AWAY, statements, re.IGNORECASE), "expand now, contract in a later release (docs/deployment.md)"
    for column in re.findall(r"ADD\s+COLUMN\s+[^,;]+", statements, re.IGNORECASE):
        assert "NOT NULL" not in column.upper() or "DEFAULT" in column.upper(), column
