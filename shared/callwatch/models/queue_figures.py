"""The figures of the product's queues that health shows."""

QUEUE_FIGURES = ("pending", "processing", "failed", "completed_last_hour")
