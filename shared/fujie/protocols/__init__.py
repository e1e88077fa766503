"""Bytes to events and back, one module per wire format; no I/O, no environment."""
