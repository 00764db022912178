"""`make clients`: real clients, each in an environment of its own; what they sent is compared with what is stored."""
