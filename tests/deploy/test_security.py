"""What the template must never allow."""

import json
import re
import subprocess
from typing import Any

import pytest

from callwatch.runtime.environment import VERSION
from local.api_gateway.static_site import build_headers
from tests.deploy.template import ROOT, as_list, list_statements, of_type, source, transformed

# X-Ray's write actions have no resources: the managed policy that SAM attaches for active tracing.
MANAGED = {"AWSXRayDaemonWriteAccess", "AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"}
MANAGED |= {"AWSXrayWriteOnlyAccess"}


def test_no_role_has_a_wildcard() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        for statement in list_statements(role):
            for action in as_list(statement["Action"]):
                assert "*" not in action, f"{name}: {action}"
            for resource in as_list(statement["Resource"]):
                assert resource != "*", f"{name}: {statement}"


def test_managed_policies_are_for_logs_traces_and_vpc_only() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        for arn in as_list(role.get("ManagedPolicyArns", [])):
            text = json.dumps(arn)
            assert any(policy in text for policy in MANAGED), f"{name}: {text}"


def test_every_function_has_a_role_of_its_own() -> None:
    roles = [json.dumps(function["Role"]) for function in of_type("AWS::Lambda::Function").values()]
    assert len(set(roles)) == len(roles)


def test_queues_are_encrypted_and_end_in_the_dead_letter() -> None:
    queues = of_type("AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    with_redrive = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert with_redrive == set(queues) - {"DeadLetterQueue"}


def test_message_visibility_exceeds_the_function_timeout() -> None:
    queues, functions = of_type("AWS::SQS::Queue"), of_type("AWS::Lambda::Function")
    condition, in_parallel, alone = queues["ErrorQueue"]["VisibilityTimeout"]["Fn::If"]
    assert condition == "DigestsInParallel"
    assert alone > functions["RunMonitor"]["Timeout"]
    # AWS advises six times the timeout of a function that an event source invokes, and the window on top.
    window_s = source()["Parameters"]["DigestWindowSeconds"]["MaxValue"]
    assert in_parallel >= 6 * functions["DigestErrors"]["Timeout"] + window_s
    assert queues["CriticalQueue"]["VisibilityTimeout"] >= 6 * functions["DigestCritical"]["Timeout"]


def test_the_bucket_is_private_encrypted_versioned_and_tls_only() -> None:
    bucket = of_type("AWS::S3::Bucket")["PageBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    statements = of_type("AWS::S3::BucketPolicy")["PageBucketPolicy"]["PolicyDocument"]["Statement"]
    assert [s for s in statements if s["Effect"] == "Deny" and s["Condition"]["Bool"] == {"aws:SecureTransport": "false"}]
    assert all("Condition" in statement for statement in statements)


def test_the_distribution_caches_nothing_but_health() -> None:
    config = of_type("AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    health, *others = config["CacheBehaviors"]
    assert [behavior["PathPattern"] for behavior in (health, *others)] == ["/api/health", "/api/*", "/ping/*", "/status*"]
    assert health["CachePolicyId"] == {"Ref": "HealthCache"}
    assert health["CachedMethods"] == ["GET", "HEAD"]
    # People type the address of the status page; programs must not send a token without TLS even once.
    policies = [behavior["ViewerProtocolPolicy"] for behavior in (health, *others)]
    assert policies == ["https-only", "https-only", "https-only", "redirect-to-https"]
    assert {behavior["CachePolicyId"] for behavior in others} == {"4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}
    # CloudFront caches responses with these states for 10 seconds unless configured otherwise, whatever the behavior says.
    kept = {400, 403, 404, 405, 414, 500, 501, 502, 503, 504}
    assert config["CustomErrorResponses"] == [{"ErrorCode": code, "ErrorCachingMinTTL": 0} for code in sorted(kept)]


def test_health_is_kept_for_seconds_and_apart_by_caller() -> None:
    policy = of_type("AWS::CloudFront::CachePolicy")["HealthCache"]["CachePolicyConfig"]
    assert 5 <= policy["MinTTL"] <= policy["MaxTTL"] <= 10
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]["Headers"]
    assert {"Accept", "Authorization", "Origin", "X-Callwatch-Live"} == set(key)


@pytest.mark.parametrize(
    ("headers", "live"),
    [
        ({}, None),
        ({"x-callwatch-live": {"value": "a guess of the caller"}}, None),
        ({"authorization": {"value": "Bearer x"}}, "request-1"),
        ({"x-callwatch-session": {"value": "1"}, "cookie": {"value": "a=b"}}, "request-1"),
        ({"authorization": {"value": "Bearer x"}, "x-callwatch-live": {"value": "a guess of the caller"}}, "request-1"),
    ],
)
def test_a_signed_in_request_has_a_cache_key_of_its_own(headers: dict[str, Any], live: str | None) -> None:
    code = of_type("AWS::CloudFront::Function")["HealthKey"]["FunctionCode"]
    event = {"context": {"requestId": "request-1"}, "request": {"uri": "/api/health", "headers": headers}}
    script = code + f"console.log(JSON.stringify(handler({json.dumps(event)}).headers))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout).get("x-callwatch-live", {}).get("value") == live


def test_cloudfront_page_has_the_same_headers_as_locally() -> None:
    policy = of_type("AWS::CloudFront::ResponseHeadersPolicy")["PageHeaders"]["ResponseHeadersPolicyConfig"][
        "SecurityHeadersConfig"
    ]
    text, parts = policy["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    assert set(parts) == {"Issuer", "Token"}
    assert parts["Issuer"]["Fn::If"][::2] == ["HasIssuer", ""]
    text = text.replace("${Issuer}", " https://issuer.example").replace("${Token}", " https://token.example")
    there = {
        "content-security-policy": " ".join(text.split()),
        "referrer-policy": policy["ReferrerPolicy"]["ReferrerPolicy"],
        "strict-transport-security": "max-age={AccessControlMaxAgeSec}; includeSubDomains".format(
            **policy["StrictTransportSecurity"]
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": policy["FrameOptions"]["FrameOption"],
    }
    assert there == dict(build_headers("https://issuer.example", "https://token.example"))
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
def test_each_queue_and_topic_has_a_policy_for_itself_only(kind: str, named: str) -> None:
    found = []
    for policy in of_type(f"{kind}Policy").values():
        (subject,) = policy[named]
        found.append(subject["Ref"])
        # SQS and SNS reject a statement about several resources; no linter and no emulator reports that.
        arn = subject if kind == "AWS::SNS::Topic" else {"Fn::GetAtt": [subject["Ref"], "Arn"]}
        assert [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]] == [arn] * len(
            policy["PolicyDocument"]["Statement"]
        )
    assert sorted(found) == sorted(of_type(kind))


NAMES = ("Name", "LogGroupName", "DashboardName", "DBInstanceIdentifier", "LayerName", "FunctionName", "QueueName", "TopicName")
# Their FunctionName is a reference to a function, and an alias lives within one, as a table does within its database.
REFERRING = (
    "AWS::Glue::Table",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
)


def names_given() -> dict[str, str]:
    """Return names that the template, not CloudFormation, gives to resources, as JSON."""
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
    # SAM replaces the parameter by the stage's value, dev.
    assert not {logical_id for logical_id, name in names.items() if "dev" not in name and "${Stage}" not in name}
    everywhere = ("AWS::CloudFront::", "AWS::CloudWatch::Dashboard")
    for logical_id, resource in transformed()["Resources"].items():
        if resource["Type"].startswith(everywhere) and logical_id in names:
            assert "${AWS::Region}" in names[logical_id], logical_id


def test_own_database_is_private_encrypted_and_backed_up() -> None:
    resource = transformed()["Resources"]["Database"]
    given = resource["Properties"]
    assert (given["StorageEncrypted"], given["PubliclyAccessible"]) == (True, False)
    assert given["BackupRetentionPeriod"] == {"Ref": "DatabaseBackupDays"}
    assert source()["Parameters"]["DatabaseBackupDays"]["MinValue"] >= 1
    assert of_type("AWS::RDS::DBParameterGroup")["DatabaseParameters"]["Parameters"]["rds.force_ssl"] == "1"
    assert "resolve:secretsmanager" in json.dumps(given["MasterUserPassword"])


def test_database_can_go_only_through_its_final_snapshot() -> None:
    resources = transformed()["Resources"]
    database, guard = resources["Database"], resources["GuardedDatabase"]
    # A first creation that fails leaves nothing; later the protection refuses what the guard has not released.
    assert database["DeletionPolicy"] == "Delete"
    assert database["UpdateReplacePolicy"] == "Snapshot"
    assert "DeletionProtection" not in database["Properties"]
    assert guard["Properties"]["Database"] == {"Ref": "Database"}
    assert source()["Parameters"]["FinalSnapshot"]["Default"] == "yes"


def test_only_functions_reach_the_database() -> None:
    rules = of_type("AWS::EC2::SecurityGroupIngress")
    assert set(rules) == {"DatabaseFromFunctions", "DatabaseFromProxy"}
    assert {rule["SourceSecurityGroupId"]["Ref"] for rule in rules.values()} == {"FunctionGroup", "ProxyGroup"}
    open_groups = {
        n: g["SecurityGroupIngress"] for n, g in of_type("AWS::EC2::SecurityGroup").items() if "SecurityGroupIngress" in g
    }
    assert set(open_groups) == {"ProxyGroup"}
    assert [rule["SourceSecurityGroupId"] for rule in open_groups["ProxyGroup"]] == [{"Ref": "FunctionGroup"}]
    assert {rule["FromPort"] for rule in (*rules.values(), *open_groups["ProxyGroup"])} == {5432}
    private = {"PrivateSubnetA", "PrivateSubnetB"}
    assert {subnet["Ref"] for subnet in of_type("AWS::RDS::DBSubnetGroup")["DatabaseSubnets"]["SubnetIds"]} == private
    routed = {
        entry["SubnetId"]["Ref"]: entry["RouteTableId"]["Ref"]
        for entry in of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    }
    assert {routed[name] for name in private} == {"PrivateRoutes"}
    ways = [route for route in of_type("AWS::EC2::Route").values() if route["RouteTableId"] == {"Ref": "PrivateRoutes"}]
    assert [set(route) & {"GatewayId", "NatGatewayId"} for route in ways] == [{"NatGatewayId"}]


def test_database_resources_exist_only_with_a_database() -> None:
    for name, resource in transformed()["Resources"].items():
        if resource["Type"].startswith(("AWS::EC2::", "AWS::RDS::")) or name.startswith("DatabaseSecret"):
            assert resource.get("Condition") in ("MakesDatabase", "UsesProxy"), name
    proxy = source()["Conditions"]["UsesProxy"]["Fn::And"]
    assert {"Condition": "MakesDatabase"} in proxy
    assert source()["Parameters"]["UseDatabaseProxy"]["Default"] == "no"


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


def test_retained_resources_go_when_creation_failed() -> None:
    policies = {name: resource.get("DeletionPolicy") for name, resource in source()["Resources"].items()}
    assert "Retain" not in policies.values()
    staying = {name for name, policy in policies.items() if policy == "RetainExceptOnCreate"}
    # ReleasedArchive deletes it where it holds nothing.
    assert staying == {"ArchiveStore"}


def test_every_bucket_is_emptied_before_it_is_deleted() -> None:
    emptied = {
        given["Bucket"]["Ref"]: given["OnDelete"]
        for given in of_type("AWS::CloudFormation::CustomResource").values()
        if "OnDelete" in given
    }
    others = ("PageBucket", "EdgeLogsBucket", "SourceMapStore")
    assert emptied == {**dict.fromkeys(others, "Empty"), "ArchiveStore": "RemoveIfEmpty"}
    assert set(of_type("AWS::S3::Bucket")) == set(emptied)


def test_boundary_applies_to_every_role() -> None:
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    without = [name for name, role in of_type("AWS::IAM::Role").items() if role.get("PermissionsBoundary") != boundary]
    assert without == []


def test_edge_is_logged_without_cookies_and_takes_a_web_acl() -> None:
    config = of_type("AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]
    condition, logging, _none = config["Logging"]["Fn::If"]
    assert (condition, logging["IncludeCookies"]) == ("LogsEdge", False)
    assert logging["Bucket"] == {"Fn::GetAtt": ["EdgeLogsBucket", "DomainName"]}
    # The reference keeps the bucket from being emptied while the distribution still writes to it.
    assert "EmptiedEdgeLogs" in logging["Prefix"]["Fn::Sub"]
    assert config["WebACLId"] == {"Fn::If": ["HasWebAcl", {"Ref": "WebAclArn"}, {"Ref": "AWS::NoValue"}]}


def test_functions_know_the_header_that_cloudfront_sends() -> None:
    origins = of_type("AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]["Origins"]
    (api,) = [origin for origin in origins if origin["Id"] == "api"]
    condition, header, _none = api["OriginCustomHeaders"]["Fn::If"]
    assert (condition, header[0]["HeaderName"].lower()) == ("GuardsOrigin", "x-callwatch-origin")
    for name, function in of_type("AWS::Lambda::Function").items():
        known = function["Environment"]["Variables"]["ORIGIN_SECRET"]
        assert known == {"Fn::If": ["GuardsOrigin", header[0]["HeaderValue"], ""]}, name
    assert source()["Parameters"]["OnlyThroughCloudFront"]["Default"] == "no"


def test_repository_metadata_has_the_licence_and_version() -> None:
    application = source()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["SemanticVersion"] == VERSION
    assert application["SpdxLicenseId"] == "MIT"
    assert "MIT License" in (ROOT / application["LicenseUrl"]).read_text()
    assert (ROOT / application["ReadmeUrl"]).is_file()


def test_network_exists_while_migrations_need_it() -> None:
    resources = source()["Resources"]
    assert set(resources["NatGateway"]["DependsOn"]) == {"PublicDefaultRoute", "PublicRoutesOfSubnet"}
    named = json.dumps(resources["Migrations"]["Properties"]["Network"])
    ways = ("PrivateDefaultRoute", "PrivateRoutesA", "PrivateRoutesB", "StorageEndpoint")
    for name in (*ways, "FunctionsToDatabase", "DatabaseFromFunctions"):
        assert f'"{name}"' in named


def test_parameter_rules_use_only_allowed_functions() -> None:
    rules = source()["Rules"]
    assert set(re.findall(r'"(Fn::\w+)"', json.dumps(rules))) <= {"Fn::Equals", "Fn::Not"}
    referred = set(re.findall(r'"Ref": "(\w+)"', json.dumps(rules)))
    assert {source()["Parameters"][name]["Type"] for name in referred} <= {"String", "Number"}


def test_critical_storm_leaves_connections_for_others() -> None:
    mappings = of_type("AWS::Lambda::EventSourceMapping")
    assert mappings["CriticalEventSource"]["ScalingConfig"]["MaximumConcurrency"] <= 5
    assert all(mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for mapping in mappings.values())


def test_parallel_digest_is_off_until_it_is_asked_for() -> None:
    resources, parameter = transformed()["Resources"], source()["Parameters"]["ParallelDigest"]
    assert parameter["Default"] == "0"
    assert resources["ErrorEventSource"]["Condition"] == resources["DigestErrorsErrorAlarm"]["Condition"] == "DigestsInParallel"
    # One connection for each, so that the parameter is the number of connections.
    assert resources["DigestErrors"]["Properties"]["Environment"]["Variables"]["DATABASE_POOL_SIZE"] == "1"
    assert resources["ErrorEventSource"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "ParallelDigest"}


@pytest.mark.parametrize(("value", "is_allowed"), [("0", 1), ("1", 0), ("2", 1), ("10", 1), ("999", 1), ("1000", 1), ("1001", 0)])
def test_parallel_digest_takes_what_lambda_takes(value: str, is_allowed: int) -> None:
    pattern = source()["Parameters"]["ParallelDigest"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == bool(is_allowed)


def test_a_guided_deployment_can_be_answered_with_return() -> None:
    # SAM asks for a hidden parameter repeatedly until it gets a value, even if there is a default.
    assert not [name for name, parameter in source()["Parameters"].items() if "NoEcho" in parameter]


def test_database_functions_update_after_migrations() -> None:
    functions = of_type("AWS::Lambda::Function")
    reading = [name for name, function in functions.items() if "DATABASE_URL" in function["Environment"]["Variables"]]
    assert len(reading) > 10
    for name in reading:
        resource = source()["Resources"][name]
        made, *_rest = resource["Properties"]["VpcConfig"]["Fn::If"]
        assert made == "MakesDatabase", name
        assert name == "Migrate" or resource["DependsOn"] == "Migrations", name


def test_functions_are_traced_bounded_and_log_with_retention() -> None:
    logs = {"Ref": "Logs"}
    for name, function in of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"] == logs, name
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        # A final snapshot takes minutes, and so does the watch of a release.
        assert function["Timeout"] <= (900 if name in ("GuardDatabase", "WatchRelease") else 300), name
        # One vCPU, and more helps no Python function.
        assert function["MemorySize"] <= (1769 if name == "DigestErrors" else 1024), name
    groups = of_type("AWS::Logs::LogGroup")
    assert set(groups) == {"Logs", "AccessLogs", "DatabaseLogs"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    # RDS creates the group itself if it is missing, and then keeps logs forever.
    database = transformed()["Resources"]["Database"]
    assert database["DependsOn"] == "DatabaseLogs"
    assert groups["DatabaseLogs"]["LogGroupName"]["Fn::Sub"] == "/aws/rds/instance/callwatch-${Stage}/postgresql"
    assert database["Properties"]["DBInstanceIdentifier"]["Fn::Sub"] == "callwatch-${Stage}"


def test_cloudwatch_dashboard_is_json_with_both_queues() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    assert len(widgets) >= 6
    assert {"ErrorQueue", "CriticalQueue", "DeadLetterQueue"} <= set(re.findall(r"\$\{(\w+)\.QueueName\}", body))


def test_every_parameter_has_a_description_and_safe_default() -> None:
    for name, parameter in source()["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "Default" in parameter, f"{name}: a guided deployment can be answered with return"
        pattern = parameter.get("AllowedPattern")
        assert pattern is None or re.fullmatch(pattern, str(parameter["Default"])), name


def test_every_parameter_has_its_place_in_the_guided_deployment() -> None:
    groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(source()["Parameters"])


def test_no_secret_stands_in_the_template() -> None:
    for resource in source()["Resources"].values():
        if resource["Type"] == "AWS::SecretsManager::Secret":
            given = resource["Properties"]
            assert given.get("SecretString") == "{}" or "GenerateSecretString" in given


def test_ingest_has_no_database_no_vendor_keys_and_no_vpc() -> None:
    for name in (
        "IngestErrors",
        "IngestRequests",
        "IngestAccess",
        "IngestEnvelope",
        "IngestCheckIn",
        "IngestExternal",
        "IngestVercel",
    ):
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


def test_alarms_notify_and_missing_data_breaches_the_switch() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    assert all(alarm["AlarmActions"] for alarm in alarms.values())
    assert alarms["MonitorSilentAlarm"]["TreatMissingData"] == "breaching"


def test_nothing_but_what_we_know_is_made() -> None:
    kinds = {resource["Type"] for resource in transformed()["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::Serverless::")}
