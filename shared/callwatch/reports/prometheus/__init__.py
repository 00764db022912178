"""The figures of the responses as metrics: their names, their samples, and the two text formats."""
