"""Tables of our own about single items of the watched product, one module per table."""
