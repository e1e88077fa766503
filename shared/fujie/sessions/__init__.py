"""Where state lives: the port, its SQL adapter, and the in-memory double."""
