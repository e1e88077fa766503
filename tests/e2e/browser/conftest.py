"""The fixtures of everything in Chromium."""

from tests.e2e.browser.profile import chromium, profile

__all__ = ["chromium", "profile"]
