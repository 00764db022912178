"""The AWS account id and region of the local system."""

ACCOUNT = "000000000000"
REGION = "us-east-1"
