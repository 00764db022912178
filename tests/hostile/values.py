"""Hostile values from public bug reports by column type, and the types that columns were changed to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DEEP = "[" * 1000 + "]" * 1000
_TIMES = (
    "'0001-01-01 00:00:00+00'",
    "'0044-03-15 00:00:00+00 BC'",
    "'4713-01-01 00:00:00+00 BC'",
    "'infinity'",
    "'-infinity'",
    "'1970-01-01 00:00:00+00'",
    "'9999-12-31 23:59:59+00'",
    "'58870-01-01 00:00:00+00'",
    "'294276-12-31 23:59:59+00'",
    "to_timestamp(extract(epoch FROM %(now)s) * 1000)",
    "to_timestamp(extract(epoch FROM %(now)s) / 1000)",
    "%(now)s + interval '1 day'",
    "%(now)s + interval '6 minutes'",
    "%(now)s + interval '5 minutes'",
    "%(now)s + interval '4 minutes'",
    "NULL",
)
_TEXTS = (
    "''",
    "' '",
    "'<!channel>'",
    r"E'\x01\x1b[31m\u202e\u2028abc'",
    r"'\ud83d'",
    r"E'a\000b'",
    "repeat('x', 200)",
    "repeat(chr(128163), 20)",
    "'default'",
    "'NaN'",
    "'paused'",
    "' Pending '",
    "'ANALYZED'",
    "NULL",
)
_NUMBERS = ("-1", "0", "2147483647", "-2147483648", "9223372036854775807", "NULL")
_FLOATS = ("'NaN'", "'Infinity'", "'-Infinity'", "1e308", "-1", "NULL")
_JSON = (
    "NULL",
    "'null'",
    "'[]'",
    "'{}'",
    "'\"text\"'",
    "'{\"error\": null}'",
    r"""'{"error": "\u0001\u202e<!channel>"}'""",
    f"'{_DEEP}'",
)
_UUIDS = ("'00000000-0000-0000-0000-000000000000'", "NULL")

# SQL literals by the type of the column.
VALUES: Mapping[str, Sequence[str]] = {
    "timestamp with time zone": _TIMES,
    "timestamp without time zone": _TIMES,
    "text": _TEXTS,
    "character varying": _TEXTS,
    "integer": _NUMBERS,
    "bigint": _NUMBERS,
    "double precision": _FLOATS,
    "jsonb": _JSON,
    "uuid": _UUIDS,
}


@dataclass(frozen=True, slots=True)
class Alteration:
    """Another type of a column: how its values convert, and what one row holds instead; {column} is the old value."""

    to_type: str
    others: str
    hostile: str


_AS_TEXT = Alteration("text", "{column}::text", "'not what it was'")
_AS_JSON = Alteration("jsonb", "to_jsonb({column})", "'[]'")
_AS_FLOAT = tuple(
    Alteration("double precision", "{column}::text::double precision", value) for value in ("'NaN'", "'Infinity'", "1e308", "-1")
)
ALTERATIONS: Mapping[str, Sequence[Alteration]] = {
    "timestamp with time zone": (
        _AS_TEXT,
        Alteration("bigint", "(extract(epoch FROM {column}) * 1000)::bigint", "9223372036854775807"),
        Alteration("date", "{column}::date", "'infinity'"),
        Alteration("timestamp without time zone", "{column} AT TIME ZONE 'UTC'", "'-infinity'"),
    ),
    "integer": (
        _AS_TEXT,
        *_AS_FLOAT,
        Alteration("numeric", "{column}::numeric", "'NaN'"),
        Alteration("numeric", "{column}::numeric", "1e400"),
        Alteration("bigint", "{column}::bigint", "9223372036854775807"),
    ),
    "text": (_AS_JSON, Alteration("bytea", "convert_to({column}, 'UTF8')", r"'\xff00'")),
    "character varying": (_AS_JSON, Alteration("integer", "length({column})", "-1")),
    "jsonb": (_AS_TEXT,),
    "uuid": (_AS_TEXT, Alteration("bigint", "hashtext({column}::text)::bigint", "-1")),
}
