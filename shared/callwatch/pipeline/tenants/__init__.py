"""Whose items they are: the same figures by tenant (an agency), and tenants whose items stopped while others go on."""
