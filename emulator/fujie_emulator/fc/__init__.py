"""Function Compute 3.0's API, as far as callers of functions use it (2023-03-30, fc.md 2.3)."""
