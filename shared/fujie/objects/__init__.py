"""Object storage: the port, its OSS adapter, and the in-memory double."""
