"""What other programs and people outside of the operations team receive: tools, records of access, reports."""
