"""What will happen if it goes on like this: when a backlog reaches its limit, and when a quota is used up."""
