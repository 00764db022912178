"""Sign-in by OpenID Connect: verifies the tokens of one issuer, and names their user and role."""
