"""A2A 1.0: ProtoJSON of `lf.a2a.v1`, the same over JSON-RPC and HTTP+JSON."""
