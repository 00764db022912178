"""The one HTTP client: a request and its response within a deadline that covers DNS, connecting and every byte."""
