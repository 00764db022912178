"""VENDOR_STATUS_PAGES: the status pages on which vendors publish their own incidents."""

import re

from callwatch.settings.values import parse_base_url, split_entries

_MAX_PAGES = 5
_EXPECTED = (
    f"at most {_MAX_PAGES} pages as service=address, comma-separated, such as"
    " deepgram=https://status.deepgram.com,openai=https://status.openai.com"
)


def parse_vendor_pages(raw: str) -> tuple[tuple[str, str], ...]:
    """The text of the variable -> (service, address) of each page. Raises ValueError."""
    pages: dict[str, str] = {}
    for entry in split_entries(raw):
        service, _equals, address = entry.partition("=")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", service) or service in pages:
            raise ValueError(_EXPECTED)
        try:
            pages[service] = parse_base_url(address)
        except ValueError:
            raise ValueError(_EXPECTED) from None
    if not 1 <= len(pages) <= _MAX_PAGES:
        raise ValueError(_EXPECTED)
    return tuple(pages.items())
