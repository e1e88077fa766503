"""callback: the consent plane."""
