"""Tools: declared once, described to the model, called with the right credential."""
