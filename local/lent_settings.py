"""Settings that another program lends the running system: the demo's stand-ins for vendors.

They are a file of DATA_DIR, read at SIGUSR2 and never at a start: what a killed program lent
ends with the next start at the latest.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from callwatch.exceptions import ConfigurationError
from callwatch.settings import load_settings
from local.private_file import write_private

_FILE = "lent-settings.json"
# Only where vendors are, and a key for each: whatever else is lent could weaken what guards the data.
VENDOR_VARIABLES = (
    ("DEEPGRAM_API_KEY", "DEEPGRAM_API_URL"),
    ("OPENAI_API_KEY", "OPENAI_API_URL"),
    ("CONVOSO_AUTH_TOKEN", "CONVOSO_API_URL"),
)


def write_lent(data_dir: Path, lent: Mapping[str, str]) -> None:
    """Write what is lent; an empty mapping takes it back. The system looks at it when it gets SIGUSR2."""
    file = data_dir / _FILE
    if lent:
        write_private(file, json.dumps(dict(lent)))
    else:
        file.unlink(missing_ok=True)


def is_lent(data_dir: Path) -> bool:
    """Return whether something is lent."""
    return (data_dir / _FILE).is_file()


def add_lent(data_dir: Path, values: Mapping[str, str], say: Callable[[str], None]) -> dict[str, str]:
    """Return the values with those that are lent; a vendor that the person configured stays as it is.

    What cannot be read or is invalid is said in one line, and the values stay as they were.
    """
    try:
        found = json.loads((data_dir / _FILE).read_bytes())
        lent = {
            name: str(found[name])
            for pair in VENDOR_VARIABLES
            if not any(values.get(name) for name in pair)
            for name in pair
            if name in found
        }
        load_settings({**values, **lent})
    except FileNotFoundError:
        return dict(values)
    except (OSError, ValueError, TypeError, ConfigurationError) as error:
        say(f"what was lent is left out: {error}")
        return dict(values)
    return {**values, **lent}
