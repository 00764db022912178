"""The words of incidents: their states, what people do to them, what is known of their impact, and changes before them."""

from typing import Literal

IncidentState = Literal["open", "resolved"]
IncidentVerb = Literal["take", "release", "note", "resolve"]
ImpactName = Literal["calls", "agencies", "users", "errors"]
# A new kind of change needs a statement in db/incident_queries/changes.py.
ChangeKind = Literal["deploy", "release", "rule", "schema", "setting", "vendor"]
