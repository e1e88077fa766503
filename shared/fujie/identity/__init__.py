"""Who is asking, on whose behalf, and with which credential."""
