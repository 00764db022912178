"""A local API Gateway: routes, payload v2, throttles, the static page."""
