"""What the template must never allow."""

import json
import re
import subprocess

import pytest

from local.page import HEADERS
from tests.deploy.template import as_list, of_type, source, statements_of, transformed

# X-Ray's write actions know no resources: the managed policy that SAM attaches for active tracing.
MANAGED = {"AWSXRayDaemonWriteAccess", "AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"}
MANAGED |= {"AWSXrayWriteOnlyAccess"}


def test_no_role_has_a_wildcard() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        for statement in statements_of(role):
            for action in as_list(statement["Action"]):
                assert "*" not in action, f"{name}: {action}"
            for resource in as_list(statement["Resource"]):
                assert resource != "*", f"{name}: {statement}"


def test_managed_policies_are_only_those_for_logs_traces_and_the_vpc() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        for arn in as_list(role.get("ManagedPolicyArns", [])):
            text = json.dumps(arn)
            assert any(policy in text for policy in MANAGED), f"{name}: {text}"


def test_every_function_has_a_role_of_its_own() -> None:
    roles = [json.dumps(function["Role"]) for function in of_type("AWS::Lambda::Function").values()]
    assert len(set(roles)) == len(roles)


def test_every_queue_is_encrypted_and_ends_in_the_dead_letter_queue() -> None:
    queues = of_type("AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    with_redrive = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert with_redrive == set(queues) - {"DeadLetterQueue"}


def test_messages_stay_hidden_for_longer_than_whoever_holds_them_may_run() -> None:
    queues, functions = of_type("AWS::SQS::Queue"), of_type("AWS::Lambda::Function")
    assert queues["ErrorQueue"]["VisibilityTimeout"] > functions["RunMonitor"]["Timeout"]
    # AWS advises six times the time-out of a function that an event source invokes.
    assert queues["CriticalQueue"]["VisibilityTimeout"] >= 6 * functions["DigestCritical"]["Timeout"]


def test_the_bucket_is_private_encrypted_versioned_and_tls_only() -> None:
    bucket = of_type("AWS::S3::Bucket")["PageBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    statements = of_type("AWS::S3::BucketPolicy")["PageBucketPolicy"]["PolicyDocument"]["Statement"]
    assert [s for s in statements if s["Effect"] == "Deny" and s["Condition"]["Bool"] == {"aws:SecureTransport": "false"}]
    assert all("Condition" in statement for statement in statements)


def test_the_distribution_speaks_https_only_and_never_caches_the_api() -> None:
    config = of_type("AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    (api,) = config["CacheBehaviors"]
    assert api["ViewerProtocolPolicy"] == "https-only"
    assert api["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def test_the_page_has_the_same_headers_from_cloudfront_as_locally() -> None:
    policy = of_type("AWS::CloudFront::ResponseHeadersPolicy")["PageHeaders"]["ResponseHeadersPolicyConfig"][
        "SecurityHeadersConfig"
    ]
    there = {
        "content-security-policy": " ".join(policy["ContentSecurityPolicy"]["ContentSecurityPolicy"].split()),
        "referrer-policy": policy["ReferrerPolicy"]["ReferrerPolicy"],
        "strict-transport-security": "max-age={AccessControlMaxAgeSec}; includeSubDomains".format(
            **policy["StrictTransportSecurity"]
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": policy["FrameOptions"]["FrameOption"],
    }
    assert there == dict(HEADERS)
    assert all(part["Override"] for part in policy.values())


def test_the_rewrite_serves_the_page_where_the_local_one_lies() -> None:
    code = of_type("AWS::CloudFront::Function")["PageRewrite"]["FunctionCode"]
    paths = ["/", "/admin", "/admin/", "/admin/operations", "/admin/operations/", "/admin/assets/app.js", "/other"]
    script = code + f"console.log(JSON.stringify({json.dumps(paths)}.map(uri => handler({{request: {{uri}}}}).uri)))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["/admin/index.html"] * 5 + ["/admin/assets/app.js", "/other"]


def test_queues_and_bucket_refuse_plain_http() -> None:
    policies = [*of_type("AWS::SQS::QueuePolicy").values(), *of_type("AWS::S3::BucketPolicy").values()]
    for policy in policies:
        denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    named = {json.dumps(queue) for policy in of_type("AWS::SQS::QueuePolicy").values() for queue in policy["Queues"]}
    assert named == {json.dumps({"Ref": name}) for name in of_type("AWS::SQS::Queue")}


def test_a_database_of_ours_is_private_encrypted_backed_up_and_hard_to_lose() -> None:
    resource = transformed()["Resources"]["Database"]
    given = resource["Properties"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Snapshot"
    assert (given["StorageEncrypted"], given["PubliclyAccessible"], given["DeletionProtection"]) == (True, False, True)
    assert given["BackupRetentionPeriod"] == {"Ref": "DatabaseBackupDays"}
    assert source()["Parameters"]["DatabaseBackupDays"]["MinValue"] >= 1
    assert of_type("AWS::RDS::DBParameterGroup")["DatabaseParameters"]["Parameters"]["rds.force_ssl"] == "1"
    assert "resolve:secretsmanager" in json.dumps(given["MasterUserPassword"])


def test_the_database_is_reached_by_functions_alone_and_nothing_else_is_open() -> None:
    (ingress,) = of_type("AWS::EC2::SecurityGroupIngress").values()
    assert (ingress["SourceSecurityGroupId"], ingress["FromPort"]) == ({"Ref": "FunctionGroup"}, 5432)
    assert not [group for group in of_type("AWS::EC2::SecurityGroup").values() if "SecurityGroupIngress" in group]
    private = {"PrivateSubnetA", "PrivateSubnetB"}
    assert {subnet["Ref"] for subnet in of_type("AWS::RDS::DBSubnetGroup")["DatabaseSubnets"]["SubnetIds"]} == private
    routed = {
        entry["SubnetId"]["Ref"]: entry["RouteTableId"]["Ref"]
        for entry in of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    }
    assert {routed[name] for name in private} == {"PrivateRoutes"}
    ways = [route for route in of_type("AWS::EC2::Route").values() if route["RouteTableId"] == {"Ref": "PrivateRoutes"}]
    assert [set(route) & {"GatewayId", "NatGatewayId"} for route in ways] == [{"NatGatewayId"}]


def test_whatever_belongs_to_a_made_database_is_made_only_with_one() -> None:
    for name, resource in transformed()["Resources"].items():
        if resource["Type"].startswith(("AWS::EC2::", "AWS::RDS::")) or name.startswith("DatabaseSecret"):
            assert resource.get("Condition") == "MakesDatabase", name


# The alarms' topic: CloudWatch cannot publish under AWS's own key, and its messages hold no data.
NOT_ENCRYPTED_BY_CHOICE = {"OperatorTopic"}


def test_every_store_is_encrypted() -> None:
    topics = of_type("AWS::SNS::Topic")
    assert {name for name, topic in topics.items() if "KmsMasterKeyId" not in topic} == NOT_ENCRYPTED_BY_CHOICE
    assert all(queue["SqsManagedSseEnabled"] is True for queue in of_type("AWS::SQS::Queue").values())
    assert all("BucketEncryption" in bucket for bucket in of_type("AWS::S3::Bucket").values())
    assert all(database["StorageEncrypted"] is True for database in of_type("AWS::RDS::DBInstance").values())


def test_only_our_alarms_publish_to_their_topic() -> None:
    (statement,) = of_type("AWS::SNS::TopicPolicy")["OperatorTopicPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}


READS_A_DATABASE = [
    name for name, function in of_type("AWS::Lambda::Function").items() if "DATABASE_URL" in function["Environment"]["Variables"]
]


@pytest.mark.parametrize("name", READS_A_DATABASE)
def test_functions_with_a_database_are_in_its_network_and_change_after_the_migrations(name: str) -> None:
    resource = source()["Resources"][name]
    made, *_rest = resource["Properties"]["VpcConfig"]["Fn::If"]
    assert made == "MakesDatabase"
    assert name == "Migrate" or resource["DependsOn"] == "Migrations"


def test_functions_keep_logs_for_a_set_time_trace_and_are_bounded() -> None:
    logs = {"Ref": "Logs"}
    for name, function in of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"] == logs, name
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert function["Timeout"] <= 300, name
        assert function["MemorySize"] <= 1024, name
    assert all("RetentionInDays" in group for group in of_type("AWS::Logs::LogGroup").values())


def test_the_dashboard_in_cloudwatch_is_json_and_shows_both_queues() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    assert len(widgets) >= 6
    assert {"ErrorQueue", "CriticalQueue", "DeadLetterQueue"} <= set(re.findall(r"\$\{(\w+)\.QueueName\}", body))


@pytest.mark.parametrize("name", sorted(source()["Parameters"]))
def test_every_parameter_says_what_it_is_for_and_has_a_sound_default(name: str) -> None:
    parameter = source()["Parameters"][name]
    assert parameter["Description"].endswith(".")
    assert "Default" in parameter, "a guided deployment can be answered with return"
    pattern = parameter.get("AllowedPattern")
    assert pattern is None or re.fullmatch(pattern, str(parameter["Default"]))


def test_every_parameter_has_its_place_in_the_guided_deployment() -> None:
    groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(source()["Parameters"])


def test_no_secret_stands_in_the_template() -> None:
    for resource in source()["Resources"].values():
        if resource["Type"] == "AWS::SecretsManager::Secret":
            given = resource["Properties"]
            assert given.get("SecretString") == "{}" or "GenerateSecretString" in given


def test_ingest_functions_have_neither_database_nor_vendor_keys_nor_a_vpc() -> None:
    for name in ("IngestErrors", "IngestRequests", "IngestEnvelope"):
        function = of_type("AWS::Lambda::Function")[name]
        variables = set(function["Environment"]["Variables"])
        assert not variables & {"DATABASE_URL", "PRODUCT_DATABASE_URL", "OPENAI_API_KEY", "ADMIN_SECRET"}
        assert "VpcConfig" not in function


def test_the_authorizer_is_asked_always_and_caches_nothing() -> None:
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    (authorizer,) = api["Body"]["components"]["securitySchemes"].values()
    details = authorizer["x-amazon-apigateway-authorizer"]
    assert not details.get("identitySource")
    assert details.get("authorizerResultTtlInSeconds", 0) == 0
    assert details["enableSimpleResponses"] is True


def test_every_alarm_tells_somebody_and_the_dead_mans_switch_takes_silence_for_an_alarm() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    assert all(alarm["AlarmActions"] for alarm in alarms.values())
    assert alarms["MonitorSilentAlarm"]["TreatMissingData"] == "breaching"


def test_nothing_but_what_we_know_is_made() -> None:
    kinds = {resource["Type"] for resource in transformed()["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::Serverless::")}
