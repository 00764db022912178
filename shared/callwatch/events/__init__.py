"""One captured error on its way: completed, summarized and trimmed to the limit of the queue."""
