"""The Sentry protocol: envelopes as SDKs send them, turned into events and requests of ours."""
