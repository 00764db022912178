"""What takes events, hides private data in them and buffers them."""

from callwatch.settings import values
from callwatch.settings.credentials import parse_drain_secrets, parse_ingest_keys
from callwatch.settings.values import PayloadStore, ScrubModes
from callwatch.settings.variable import declare


class IngestVariables:
    """What takes events, hides private data in them and buffers them."""

    ingest_keys: dict[int, tuple[str, ...]] | None = declare(
        parse_ingest_keys,
        "Keys for sending errors and requests: project:key, comma-separated; project 0 is the monitor itself.",
        is_secret=True,
        is_for_hosts=True,
    )
    ingest_origins: dict[int, tuple[str, ...]] | None = declare(
        values.parse_project_origins,
        "Web origins whose pages may send with the keys of a project, as project:origin, comma-separated; a project that is not"
        " named takes any.",
    )
    vercel_log_secret: dict[int, tuple[str, ...]] | None = declare(
        parse_drain_secrets,
        "Signature secrets of Vercel's log drains: [project:]secret, comma-separated; project 1 unless named.",
        is_secret=True,
    )
    vercel_verify: str | None = declare(
        values.parse_text, "Code with which the handshake of Vercel's log drains is answered (x-vercel-verify)."
    )
    callwatch_project_id: int = declare(
        values.build_integer_parser(0, 999999999),
        "Project of the errors that the tracker captures in this process.",
        "1",
        is_for_hosts=True,
    )
    user_hash_key: str | None = declare(
        values.parse_text,
        "Key of the HMAC that replaces user ids; derived from INGEST_KEYS when unset.",
        is_secret=True,
        is_for_hosts=True,
    )
    scrub: ScrubModes = declare(
        values.parse_scrub_modes,
        "How much of an event is kept: standard (all except private data) or strict (only types, frames, codes and listed"
        " context keys); per project as 1:strict,2:standard.",
        "standard",
        is_for_hosts=True,
    )
    error_queue_url: str | None = declare(
        values.parse_http_url,
        "SQS queue that buffers errors and requests, or one on a server that speaks the SQS protocol.",
        is_for_hosts=True,
    )
    critical_queue_url: str | None = declare(values.parse_http_url, "SQS queue that buffers critical errors.", is_for_hosts=True)
    dead_letter_queue_url: str | None = declare(values.parse_http_url, "SQS queue for messages that could not be digested.")
    parallel_digest: int = declare(
        values.build_integer_parser(0, 1000),
        "Number of digests of the error queue at once, next to the monitor's flush each minute; 0 for the flush alone.",
        "0",
    )
    archive_url: str | None = declare(
        values.parse_archive,
        "Archive for messages that a queue is about to delete: s3://bucket/prefix, or the absolute path of a folder.",
        affects="archive",
    )
    source_maps_url: str | None = declare(
        values.parse_archive,
        "Store for the source maps that sentry-cli uploads: s3://bucket/prefix, or the absolute path of a folder.",
        affects="source_maps",
    )
    payload_store: PayloadStore | None = declare(
        values.parse_payload_store,
        "Where the payloads of new errors are stored: postgres, or s3 for compressed objects in PAYLOADS_URL.",
        "postgres",
        affects="payload_store",
        needs=(("PAYLOADS_URL", "the store of payloads"),),
    )
    index_days: int | None = declare(
        values.parse_index_days,
        "Days after which the database drops the rows of errors whose payloads lie in PAYLOADS_URL; the archive keeps them. At"
        " least 22, at most RETENTION_DAYS; 0: as RETENTION_DAYS.",
        "0",
        affects="index_days",
        needs=(("PAYLOAD_STORE", "s3"),),
        at_most="RETENTION_DAYS",
    )
    payloads_url: str | None = declare(
        values.parse_archive,
        "Store of payloads: s3://bucket/prefix, or the absolute path of a folder. Payloads that lie there are read from there,"
        " whatever PAYLOAD_STORE says.",
        affects="payloads",
    )
