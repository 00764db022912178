"""The first version of the grouping rules, frozen: groups of an older release are found by it."""
