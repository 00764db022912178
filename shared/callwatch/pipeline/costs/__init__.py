"""What items cost: the units that vendors charge for, read from the product, and their prices."""
