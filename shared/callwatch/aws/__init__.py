"""Calls to AWS on the path of every cold start and every event, without the 300 ms that importing boto3 takes."""
