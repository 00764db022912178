"""The middleware around functions: admission, responses, captured errors."""
