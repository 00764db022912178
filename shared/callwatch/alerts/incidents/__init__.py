"""Incidents: one cause and the alerts that follow from it, as people take, note and resolve them."""
