"""Revisions, named by number; numbers sort as text."""
