"""Security Token Service 2015-04-01: temporary keys of roles."""
