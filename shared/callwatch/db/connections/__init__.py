"""How connections are lent: the pool, who lends, the watchdog of a server that hangs, a password that changes."""
