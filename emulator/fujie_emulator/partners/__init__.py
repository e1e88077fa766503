"""Services outside the cloud that an agent calls for its user: each with its own authorization server and API."""
