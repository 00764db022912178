"""OTLP over HTTP: traces and logs of OpenTelemetry, as requests, errors and calls of models."""
