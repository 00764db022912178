"""What SDKs send next to errors and traces: what they dropped, what users wrote, and how sessions ended."""
