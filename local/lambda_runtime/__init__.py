"""A local Lambda runtime: function processes, their Runtime API, event sources."""
