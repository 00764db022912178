"""Sessions of the page: a cookie that stands for a token, and the ends of sessions."""
