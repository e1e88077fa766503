"""Redirect targets: parameters added to a URL that may have some."""

from urllib.parse import urlencode, urlsplit, urlunsplit


def with_query(url: str, query: dict[str, str]) -> str:
    """Return the URL with parameters added to those it has."""
    parts = urlsplit(url)
    joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit(parts._replace(query=joined))
