"""The test in a real account, for a nightly run: not a part of `make test`, because it costs money and an hour."""
