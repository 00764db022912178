"""Error groups as the API shows them, and what people do to them."""
