"""docs/cost.md follows from the template, and the small profile is cheap."""

import re
from dataclasses import replace

import pytest

from tools.cost import deployment as deployments
from tools.cost.bill import estimate_run_s, list_events, list_idle, list_open_page, sum_lines
from tools.cost.deployment import MINUTES, PROFILES, Deployment, read_deployment
from tools.cost.page import PAGE, price_month, render_page
from tools.cost.prices import HOURS, MILLION, PRICES, find_price

FREE = {
    "AWS::ApiGatewayV2::Api", "AWS::CloudFormation::CustomResource", "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::Function", "AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment",
    # The catalog's first million objects are free.
    "AWS::Glue::Database", "AWS::Glue::Table",
    "AWS::IAM::Role", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBSubnetGroup",
    "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::SecretTargetAttachment", "AWS::SSM::Parameter", "AWS::Serverless::LayerVersion",
}  # fmt: skip
# Billed by use, which is nothing or cents at idle: a page of 200 KB, mails to one person, a distribution within its free volume.
BY_USE = {"AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::CloudFront::Distribution"}
BILLED = {
    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::KMS::Key",
    "AWS::Logs::LogGroup", "AWS::RDS::DBInstance", "AWS::SQS::Queue", "AWS::SecretsManager::Secret",
    "AWS::Serverless::Function", "AWS::Serverless::HttpApi",
}  # fmt: skip


@pytest.fixture(params=sorted(PROFILES))
def found(request: pytest.FixtureRequest) -> Deployment:
    return read_deployment(PROFILES[request.param])


def read(name: str) -> Deployment:
    return read_deployment(PROFILES[name])


def cost(found: Deployment, item: str) -> float:
    return next((line.usd for line in list_idle(found) if line.item == item), 0.0)


def test_page_is_what_the_template_costs() -> None:
    assert PAGE.read_text() == render_page(), "run `make docs`"


def test_small_profile_is_idle_for_less_than_15_dollars() -> None:
    small, standard = (sum_lines(list_idle(read(name))) for name in ("small", "standard"))
    assert small < 15
    assert small < standard / 5
    assert not [kind for kind in read("small").resources if re.search("::EC2::|::RDS::|Dashboard", kind)]


def test_idle_follows_from_the_template(found: Deployment) -> None:
    """Each line, computed another way than by the page."""
    template = (deployments.ROOT / "template.yaml").read_text()
    monitor = re.search(r"Handler: run_monitor.*?MemorySize: (\d+)", template, re.DOTALL)
    assert monitor
    assert "ScheduleExpression: rate(1 minute)" in template
    gb_s = MINUTES * 2.0 * int(monitor[1]) / 1024
    assert cost(found, "the monitor's cycle") == pytest.approx(gb_s * 0.0000133334 + MINUTES * 0.20 / MILLION)
    assert cost(found, "alarms") == pytest.approx(0.10 * found.resources["AWS::CloudWatch::Alarm"])
    assert cost(found, "secrets") == pytest.approx(0.40 * 7)
    has_network = found.instance_class is not None
    assert cost(found, "NAT gateway and its address") == pytest.approx(36.50 if has_network else 0)
    assert cost(found, "dashboard in CloudWatch") == (0 if found.parameters["Profile"] == "small" else 3)


def test_cost_grows_with_memory_and_schedule(found: Deployment) -> None:
    doubled = replace(found, memory_gb={name: 2 * size for name, size in found.memory_gb.items()})
    half = replace(found, cycles=found.cycles // 2)
    time = MINUTES * 2.0 * found.memory_gb["RunMonitor"] * find_price("lambda_gb_s")
    assert sum_lines(list_idle(doubled)) - sum_lines(list_idle(found)) == pytest.approx(time)
    assert cost(half, "its schedule") == pytest.approx(cost(found, "its schedule") / 2)
    # What waits costs by memory; what computes takes half of the time with twice the memory.
    assert sum_lines(list_events(doubled, MILLION)) > sum_lines(list_events(found, MILLION))
    assert sum_lines(list_open_page(doubled)) > sum_lines(list_open_page(found))


def test_more_memory_is_more_of_a_processor_up_to_one() -> None:
    assert estimate_run_s(100, 0, 1769 / 1024) == pytest.approx(0.1)
    assert estimate_run_s(100, 0, 1769 / 1024 / 4) == pytest.approx(0.4)
    assert estimate_run_s(100, 0, 10) == pytest.approx(0.1)


def test_sustained_thousand_a_second_is_five_figures() -> None:
    events = 1_000 * 3600 * HOURS
    assert 10_000 < price_month(read("standard"), events) < 12_000
    assert price_month(read("standard"), MILLION) < price_month(read("standard"), 10 * MILLION)


def test_each_kind_of_resource_is_billed_or_known_to_be_free() -> None:
    kinds = {found["Type"] for found in deployments._load_source()["Resources"].values()}
    # By parameter; its price is in the parameter's description.
    assert kinds - FREE - BY_USE - BILLED == {"AWS::RDS::DBProxy"}


def test_each_price_has_its_source_and_date() -> None:
    for name, each in PRICES.items():
        assert each.usd > 0, name
        assert re.search(r"20\d\d|undated|a stored copy|not confirmed", each.source), name
