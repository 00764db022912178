"""Every environment variable, declared once as a field: its type, its parser, its default and its documentation."""
