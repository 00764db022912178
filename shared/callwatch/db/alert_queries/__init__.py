"""SQL and its rows about alerting: rules and their state, alerts, silences, channels, the outbox."""
