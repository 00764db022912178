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
    # CloudFront keeps answers with these states for 10 seconds, whatever the behaviour says, unless it is told otherwise.
    kept = {400, 403, 404, 405, 414, 500, 501, 502, 503, 504}
    assert config["CustomErrorResponses"] == [{"ErrorCode": code, "ErrorCachingMinTTL": 0} for code in sorted(kept)]


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


def test_queues_topics_and_bucket_refuse_plain_http() -> None:
    kinds = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")
    for policy in [policy for kind in kinds for policy in of_type(kind).values()]:
        denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


@pytest.mark.parametrize(("kind", "named"), [("AWS::SQS::Queue", "Queues"), ("AWS::SNS::Topic", "Topics")])
def test_every_queue_and_topic_has_a_policy_of_its_own_that_names_nothing_else(kind: str, named: str) -> None:
    found = []
    for policy in of_type(f"{kind}Policy").values():
        (subject,) = policy[named]
        found.append(subject["Ref"])
        # SQS and SNS refuse a statement about several resources, which no linter and no stand-in tells.
        arn = subject if kind == "AWS::SNS::Topic" else {"Fn::GetAtt": [subject["Ref"], "Arn"]}
        assert [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]] == [arn] * len(
            policy["PolicyDocument"]["Statement"]
        )
    assert sorted(found) == sorted(of_type(kind))


NAMES = ("Name", "LogGroupName", "DashboardName", "DBInstanceIdentifier", "LayerName", "FunctionName", "QueueName", "TopicName")
# Their FunctionName is a reference to a function.
REFERRING = ("AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping")


def names_given() -> dict[str, str]:
    """Names that resources get from the template and not from CloudFormation, as JSON."""
    found = {}
    for logical_id, resource in transformed()["Resources"].items():
        given = resource.get("Properties", {}) if resource["Type"] not in REFERRING else {}
        for part in [given, *(part for part in given.values() if isinstance(part, dict))]:
            for key in set(NAMES) & set(part):
                found[logical_id] = json.dumps(part[key])
    return found


def test_two_stages_and_two_regions_can_live_in_one_account() -> None:
    names = names_given()
    assert {"Logs", "PageRewrite", "OperationsDashboard", "Database"} <= set(names)
    # SAM puts the stage's value, dev, in the place of the parameter.
    assert not {logical_id for logical_id, name in names.items() if "dev" not in name and "${Stage}" not in name}
    everywhere = ("AWS::CloudFront::", "AWS::CloudWatch::Dashboard")
    for logical_id, resource in transformed()["Resources"].items():
        if resource["Type"].startswith(everywhere) and logical_id in names:
            assert "${AWS::Region}" in names[logical_id], logical_id


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


def test_every_store_is_encrypted() -> None:
    assert all(topic["KmsMasterKeyId"] for topic in of_type("AWS::SNS::Topic").values())
    assert all(queue["SqsManagedSseEnabled"] is True for queue in of_type("AWS::SQS::Queue").values())
    assert all("BucketEncryption" in bucket for bucket in of_type("AWS::S3::Bucket").values())
    assert all(database["StorageEncrypted"] is True for database in of_type("AWS::RDS::DBInstance").values())


def test_only_our_alarms_publish_to_their_topic() -> None:
    statements = of_type("AWS::SNS::TopicPolicy")["OperatorTopicPolicy"]["PolicyDocument"]["Statement"]
    (allowed,) = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"]["StringEquals"] == {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_what_stays_when_a_stack_goes_does_not_stay_when_it_never_came_up() -> None:
    policies = {name: resource.get("DeletionPolicy") for name, resource in source()["Resources"].items()}
    assert "Retain" not in policies.values()
    assert [name for name, policy in policies.items() if policy == "RetainExceptOnCreate"] == ["DatabaseSecret", "PageBucket"]


def test_the_network_stands_before_the_migrations_need_it_and_falls_after() -> None:
    resources = source()["Resources"]
    assert set(resources["NatGateway"]["DependsOn"]) == {"PublicDefaultRoute", "PublicRoutesOfSubnet"}
    named = json.dumps(resources["Migrations"]["Properties"]["Network"])
    ways = ("PrivateDefaultRoute", "PrivateRoutesA", "PrivateRoutesB", "StorageEndpoint")
    for name in (*ways, "FunctionsToDatabase", "DatabaseFromFunctions"):
        assert f'"{name}"' in named


def test_rules_ask_only_what_cloudformation_admits_in_them_of_plain_parameters() -> None:
    rules = source()["Rules"]
    assert set(re.findall(r'"(Fn::\w+)"', json.dumps(rules))) <= {"Fn::Equals", "Fn::Not"}
    referred = set(re.findall(r'"Ref": "(\w+)"', json.dumps(rules)))
    assert {source()["Parameters"][name]["Type"] for name in referred} <= {"String", "Number"}


def test_a_storm_of_critical_errors_leaves_connections_for_others() -> None:
    (mapping,) = of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["ScalingConfig"]["MaximumConcurrency"] <= 5
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_guided_deployment_can_be_answered_with_return() -> None:
    # SAM asks for a hidden parameter again and again until it is given something, whatever its default.
    assert not [name for name, parameter in source()["Parameters"].items() if "NoEcho" in parameter]


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
    groups = of_type("AWS::Logs::LogGroup")
    assert set(groups) == {"Logs", "AccessLogs", "DatabaseLogs"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    # RDS makes the group itself where it is not there yet, and then keeps everything for ever.
    database = transformed()["Resources"]["Database"]
    assert database["DependsOn"] == "DatabaseLogs"
    assert groups["DatabaseLogs"]["LogGroupName"]["Fn::Sub"] == "/aws/rds/instance/callwatch-${Stage}/postgresql"
    assert database["Properties"]["DBInstanceIdentifier"]["Fn::Sub"] == "callwatch-${Stage}"


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
