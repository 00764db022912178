"""The tracker that a host program imports: captures, buffers and sends errors."""
