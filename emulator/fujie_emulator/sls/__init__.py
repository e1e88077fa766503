"""The log service (SLS, 2020-12-30), as far as functions' logs need it."""
