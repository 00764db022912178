"""Operation of a deployment: limits and logs of the API, the schedule, and alarms on existing metrics."""

import json
import re
from typing import Any

import pytest

from callwatch.db.core.migrate import Migration, load_migrations
from tests.deploy.template import ROOT, of_type, source, transformed
from tools.smoke import CONCURRENCY, REQUESTS

# Metrics as AWS names them, each with its set of dimensions.
KNOWN = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/ApiGateway", "Count"): {"ApiId"},
    ("AWS/ApiGateway", "4xx"): {"ApiId"},
    ("AWS/ApiGateway", "5xx"): {"ApiId"},
    ("AWS/ApiGateway", "Latency"): {"ApiId"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "RecursiveInvocationsDropped"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/RDS", "FreeStorageSpace"): {"DBInstanceIdentifier"},
    ("AWS/RDS", "DatabaseConnections"): {"DBInstanceIdentifier"},
    ("AWS/RDS", "CPUUtilization"): {"DBInstanceIdentifier"},
    ("AWS/RDS", "CPUCreditBalance"): {"DBInstanceIdentifier"},
    ("Callwatch", "CycleCompleted"): {"stage", "service"},
    ("Callwatch", "StepsFailed"): {"stage", "service"},
}
# Of the whole account, because the limit is the account's.
WITHOUT_DIMENSIONS = ("AWS/Lambda", "Throttles")


# Functions of the deployment itself: a reference to the proxy would make them wait for the database.
WITHOUT_DATABASE = ("MakeSecrets", "PublishPage", "EmptyBucket", "GuardDatabase", "WatchRelease")


def stage() -> dict[str, Any]:
    (found,) = of_type("AWS::ApiGatewayV2::Stage").values()
    return found


def test_api_logs_one_json_line_per_request() -> None:
    settings = stage()["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    assert "\n" not in settings["Format"], "API Gateway takes one line"
    assert {"request_id", "route", "status", "duration_ms", "ip"} <= set(json.loads(settings["Format"]))


def test_throttles_leave_room_for_smoke_test_and_senders() -> None:
    reads, routes = stage()["DefaultRouteSettings"], stage()["RouteSettings"]
    assert reads["ThrottlingBurstLimit"] >= max(REQUESTS, CONCURRENCY)
    body = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]
    known = {f"{method.upper()} {path}" for path, methods in body["paths"].items() for method in methods}
    sent = {f"POST /api/{what}" for what in ("{project}/{proxy+}", "errors", "requests", "access", "{project}/cron/{proxy+}")}
    sent |= {f"{method} /ping/{{key}}/{{proxy+}}" for method in ("GET", "POST")} | {"GET /api/{project}/cron/{proxy+}"}
    # What no other route takes: nobody needs these.
    refused = {f"{method} /api/{{proxy+}}" for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")}
    assert set(routes) == sent | refused
    assert set(routes) <= known, "a stage with settings for a route that is not there is refused"
    assert all(routes[name]["ThrottlingRateLimit"] >= 10 * reads["ThrottlingRateLimit"] for name in sent)
    assert all(routes[name]["ThrottlingRateLimit"] <= reads["ThrottlingRateLimit"] / 10 for name in refused)


def test_only_named_origins_may_call_the_api() -> None:
    body = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]
    assert "x-amazon-apigateway-cors" not in body, "it would replace the headers of the functions, on all routes"
    preflights = {path: methods["options"] for path, methods in body["paths"].items() if "options" in methods}
    assert set(preflights) == {"/api/{proxy+}"}
    assert preflights["/api/{proxy+}"]["security"] == [{"NONE": []}], "a browser sends no token with it"
    origins = [function["Environment"]["Variables"]["CORS_ORIGINS"] for function in of_type("AWS::Lambda::Function").values()]
    assert origins
    assert all(value == {"Fn::Join": [",", {"Ref": "CorsOrigins"}]} for value in origins)
    assert source()["Parameters"]["CorsOrigins"]["Default"] == "https://nobody.invalid"


def test_schedule_runs_each_minute_without_retries() -> None:
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Target"]["Arn"] == {"Ref": "RunMonitorAliaslive"}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    (invocation,) = of_type("AWS::Lambda::EventInvokeConfig").values()
    assert (invocation["MaximumEventAgeInSeconds"], invocation["MaximumRetryAttempts"]) == (60, 0)
    reserved = of_type("AWS::Lambda::Function")["RunMonitor"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["ReserveMonitor", 1, {"Ref": "AWS::NoValue"}]}


def test_a_parameter_caps_each_reader_of_the_database() -> None:
    functions = of_type("AWS::Lambda::Function")
    readers = {
        name: function
        for name, function in functions.items()
        if function["Handler"].startswith(("get_", "list_")) and "DATABASE_URL" in function["Environment"]["Variables"]
    }
    assert "GetHealth" in readers
    cap = {"Fn::If": ["CapReaders", {"Ref": "ReaderConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert [name for name, function in readers.items() if function.get("ReservedConcurrentExecutions") != cap] == []
    assert source()["Parameters"]["ReaderConcurrency"]["Default"] == 0, "new accounts refuse any reservation"


def test_migrations_do_not_go_through_the_proxy() -> None:
    hosts = {n: f["Environment"]["Variables"]["DATABASE_HOST"] for n, f in of_type("AWS::Lambda::Function").items()}
    through = {"Fn::If": ["UsesProxy", {"Fn::GetAtt": ["DatabaseProxy", "Endpoint"]}, ""]}
    assert [hosts.pop(name) for name in ("Migrate", *WITHOUT_DATABASE)] == [""] * (1 + len(WITHOUT_DATABASE))
    assert all(host == through for host in hosts.values())


def list_alarms() -> dict[str, dict[str, Any]]:
    """Return the alarms on one metric; tests/deploy/test_shifting.py reads those on many."""
    # From the source, which SAM leaves as it is: each process asks when it collects the tests, and a transform takes seconds.
    entries = {
        name: entry["Properties"] for name, entry in source()["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"
    }
    return {name: alarm for name, alarm in entries.items() if "Metrics" not in alarm}


@pytest.mark.parametrize("name", sorted(list_alarms()))
def test_an_alarm_waits_for_a_metric_that_there_is(name: str) -> None:
    alarm = list_alarms()[name]
    metric = alarm["Namespace"], alarm["MetricName"]
    dimensions = {dimension["Name"] for dimension in alarm.get("Dimensions", [])}
    assert dimensions == (set() if metric == WITHOUT_DIMENSIONS else KNOWN[metric])


def test_what_can_go_wrong_unseen_has_its_alarm() -> None:
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in list_alarms().values()}
    assert {("Callwatch", "CycleCompleted"), ("AWS/ApiGateway", "5xx"), ("AWS/Lambda", "Errors"), WITHOUT_DIMENSIONS} <= watched
    assert {metric for namespace, metric in watched if namespace == "AWS/RDS"} == {
        "FreeStorageSpace",
        "DatabaseConnections",
        "CPUUtilization",
        "CPUCreditBalance",
    }
    assert {metric for namespace, metric in watched if namespace == "AWS/SQS"} == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
    }


def test_cloudwatch_dashboard_shows_existing_metrics() -> None:
    body = of_type("AWS::CloudWatch::Dashboard")["OperationsDashboard"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    for metric in [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]:
        namespace, name, *pairs = [part for part in metric if isinstance(part, str)]
        assert set(pairs[::2]) == KNOWN[namespace, name], metric


def test_release_is_watched_after_everything_that_serves() -> None:
    resource = transformed()["Resources"]["WatchedRelease"]
    functions = set(of_type("AWS::Lambda::Function")) - set(WITHOUT_DATABASE) - {"Migrate"}
    assert functions <= set(resource["DependsOn"])
    # An alarm of a function that a parameter switches on stands behind its condition.
    alarms = {(entry["Fn::If"][1] if "Fn::If" in entry else entry)["Ref"] for entry in resource["Properties"]["Alarms"]}
    errors = {name for name, alarm in list_alarms().items() if alarm["MetricName"] == "Errors"}
    assert alarms == errors | {"ApiErrorAlarm", "MonitorSilentAlarm"}
    assert source()["Parameters"]["WatchReleaseMinutes"]["Default"] == 0
    # Each layer, and the version of the code that all functions share.
    release = json.dumps(resource["Properties"]["Release"])
    assert {"WatchReleaseVersion", *(f"{name}Layer" for name in ("Callwatch", "Dependencies", "Page"))} <= set(
        re.findall(r"WatchReleaseVersion|[A-Z]\w+?Layer", release)
    )
    uris = {f["Properties"]["CodeUri"] for f in source()["Resources"].values() if f["Type"] == "AWS::Serverless::Function"}
    assert len(uris) == 1


def test_every_output_that_the_guides_name_is_there() -> None:
    guides = " ".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    named = set(re.findall(r"<([A-Z]\w+(?:Arn|Function|Domain|Url|Name))>", guides))
    assert named
    assert named <= set(transformed()["Outputs"])


# What functions of the previous release could miss during a deployment, or after a rollback.
TAKES_AWAY = r"DROP\s+(TABLE|COLUMN|VIEW|FUNCTION|SCHEMA)|RENAME|ALTER\s+COLUMN\s+\w+\s+(TYPE|SET\s+NOT\s+NULL|DROP\s+DEFAULT)"


@pytest.mark.parametrize("migration", load_migrations(), ids=str)
def test_migrations_keep_older_functions_working(migration: Migration) -> None:
    statements = re.sub(r"--[^\n]*", "", migration.sql)
    assert not re.search(TAKES_AWAY, statements, re.IGNORECASE), "expand now, contract in a later release (docs/deployment.md)"
    for column in re.findall(r"ADD\s+COLUMN\s+[^,;]+", statements, re.IGNORECASE):
        assert "NOT NULL" not in column.upper() or re.search("DEFAULT|GENERATED", column.upper()), column
