"""chat: the user's plane."""
