"""What Function Compute asks of a function: its HTTP event for Mangum, its custom-runtime contract."""
