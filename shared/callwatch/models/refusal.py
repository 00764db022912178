"""Why a request was refused before its work began."""

from typing import Literal, get_args

# no_token, unknown_token, role: 401 and 403 of a token. rate_without_token, rate_of_token: 429 of the caller's own limit.
# dsn_key, dsn_rate: the Sentry protocol without a valid key, and over the limit of a key or an address.
Refusal = Literal["no_token", "unknown_token", "role", "rate_without_token", "rate_of_token", "dsn_key", "dsn_rate"]
REFUSALS: tuple[Refusal, ...] = get_args(Refusal)
