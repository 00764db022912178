"""One item of the product (a call): the items behind a count, the way of one through the stages, and what puts it back."""
