"""The words of the public status page: Atlassian Statuspage's, with `unknown` added for what nobody can assess."""

from typing import Literal

ComponentState = Literal["operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance", "unknown"]
PublicationState = Literal["investigating", "identified", "monitoring", "resolved"]
PublicImpact = Literal["none", "minor", "major", "critical"]
Indicator = Literal["none", "minor", "major", "critical", "maintenance", "unknown"]
