"""What the template must never allow."""

import json

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
