"""Loads in Lambda's INIT phase what the first request needs: INIT has a whole CPU, whatever the function's memory."""

import os

from callwatch.exceptions import ConfigurationError
from callwatch.settings import get_settings


def prepare_environment() -> None:
    """Read the settings with their secrets, once per execution environment; only where Lambda's runtime loads the function.

    A secret that cannot be read, or a bad value, does not end INIT: the first request tries again and reports it.
    """
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return
    try:
        get_settings()
    except ConfigurationError:
        return
