"""Small HTML pages without script, for the people in front of the emulated cloud's browser side."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from fujie_emulator.signin.words import Words, words_for

_TEMPLATES = Path(__file__).parent / "templates"
# Browsers hold redirects after a form to form-action too, and a consent ends at the application's own origin: of
# `fujie dev` a port, of a deployed stack a domain below localhost.
_LOOPBACK = "http://localhost:* http://*.localhost:* http://127.0.0.1:*"


def page(
    request: Request, template: str, title: str, *, status: int = 200, leads_to: str = "", **values: Any
) -> HTMLResponse:
    """Return a page in the browser's language; `title` is the name of a sentence of Words.

    `leads_to` is a URL to which the page's form may finally redirect.
    """
    words = words_of(request)
    style = _css()
    text = (
        _environment()
        .get_template(template)
        .render(
            words=words,
            title=getattr(words, title),
            css=Markup(style),  # noqa: S704 (our own file)
            **values,
        )
    )
    return HTMLResponse(text, status, _headers(style, leads_to))


def message(request: Request, title: str, text: str, *, status: int = 200) -> HTMLResponse:
    """Return a page that only says something."""
    return page(request, "message.html", title, status=status, text=text)


def redirect(url: str) -> RedirectResponse:
    """Send the browser on by GET, telling the next server nothing of where it came from."""
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(url, 303, headers)


def found(url: str) -> RedirectResponse:
    """Answer a GET with the redirect (302) that OAuth's endpoints use."""
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(url, 302, headers)


def words_of(request: Request) -> Words:
    """Return the words in the language that the browser prefers."""
    return words_for(request.headers.get("accept-language", ""))


def same_origin(request: Request) -> bool:
    """Tell whether a form came from our own page; a client that says nothing of it is let in."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site in ("same-origin", "none") and request.headers.get("origin", origin) == origin


def _headers(style: str, leads_to: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    parts = urlsplit(leads_to)
    target = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {_LOOPBACK}{target}"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True
    )


@cache
def _css() -> str:
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")
