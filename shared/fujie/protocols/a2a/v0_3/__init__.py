"""A2A 0.3: JSON-RPC with `kind` in every object, and HTTP+JSON in ProtoJSON of `a2a.v1`, as its SDK speaks them."""
