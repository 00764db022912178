"""The files that describe rules, routes, the product, prices and the status page."""

from typing import TYPE_CHECKING

from callwatch.settings import values
from callwatch.settings.variable import declare

if TYPE_CHECKING:
    from callwatch.settings.prices import PriceFile
    from callwatch.settings.status_page import StatusPage


class FileVariables:
    """The files that describe rules, routes, the product, prices and the status page."""

    rules_file: str | None = declare(values.parse_text, "Path of a JSON file with your own alert rules.")
    routes_file: str | None = declare(
        values.parse_text,
        "Path of a JSON file that routes alerts to channels; unset: each goes to the channels of its rule.",
        affects="routes",
    )
    stages_file: str | None = declare(
        values.parse_text, "Path of a JSON file that describes the watched product; unset: the call product."
    )
    prices_file: "PriceFile | None" = declare(
        values.parse_prices,
        "Path of a JSON file with the prices and daily quotas of vendors; without it costs are unpriced.",
        affects="costs",
    )
    status_page_file: "StatusPage | None" = declare(
        values.parse_status_page,
        "Path of a JSON file that describes the public status page; without it the page is off.",
        affects="status_page",
    )
    status_page_store: str | None = declare(
        values.parse_archive,
        "Store of the public status page: s3://bucket/prefix, or the absolute path of a folder.",
        affects="status_page",
    )
