"""The Sentry protocol: authenticates, decodes, parses and converts envelopes."""
