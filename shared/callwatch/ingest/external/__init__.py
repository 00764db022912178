"""Accepts alerts of other monitors: Alertmanager, Grafana, CloudWatch."""
