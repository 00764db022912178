"""A discrete-event model of the path from the queue to PostgreSQL, its measured costs, and the real run it is compared with."""
