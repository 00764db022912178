"""Reads the header Authorization."""


def read_bearer(authorization: str) -> str | None:
    """The token of `Bearer <token>` (RFC 6750), the scheme in any case; None for any other scheme."""
    return _read_scheme(authorization, "bearer")


def read_basic(authorization: str) -> str | None:
    """The encoded credentials of `Basic <credentials>` (RFC 7617); None for any other scheme."""
    return _read_scheme(authorization, "basic")


def _read_scheme(authorization: str, wanted: str) -> str | None:
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == wanted else None
