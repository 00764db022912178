"""Takes charge of what a message is about, from the message: by a link, by a button in Slack, at a pager."""
