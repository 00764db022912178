"""What people set up in alerting: channels and rules of their own."""
