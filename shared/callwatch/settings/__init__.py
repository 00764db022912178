"""The configuration: every environment variable, declared once, and the checked values."""

from callwatch.settings.http_checks import HttpCheck
from callwatch.settings.load import get_settings, load_settings, load_tracker_settings, peek_settings, reset_settings
from callwatch.settings.variable import Variable
from callwatch.settings.variables import VARIABLES, SettingProblem, Settings

__all__ = [
    "VARIABLES",
    "HttpCheck",
    "SettingProblem",
    "Settings",
    "Variable",
    "get_settings",
    "load_settings",
    "load_tracker_settings",
    "peek_settings",
    "reset_settings",
]
