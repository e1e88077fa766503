"""The consent pages: rendered here, complete without script, and served so that nothing else can dress as them."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from fujie.http import is_loopback
from functions.callback.words import WORDS, Language, language_of

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
Tone = Literal["good", "bad", "calm"]

HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Notice:
    """A page that says how something ended: the key of its words, its tone, and what one can do."""

    words: str
    status: int = 200
    tone: Tone = "bad"
    retry: bool = False


def notice_page(request: Request, notice: Notice, *, provider: str = "", conversation_id: str = "") -> Response:
    """Return the page; it says nothing of what the request carried."""
    language = language_for(request)
    words = WORDS[language]
    html = (
        _environment()
        .get_template("notice.html")
        .render(
            language=language,
            words=words,
            style=_style(),
            title=words[f"{notice.words}_title"],
            text=words[f"{notice.words}_text"].format(provider=provider),
            notice=notice,
            back=f"/#{conversation_id}" if conversation_id else "/",
        )
    )
    return _page(html, notice.status, "form-action 'none'")


def connect_page(request: Request, shown: Mapping[str, Any], authorization_url: str) -> Response:
    """Return the page that asks; `shown` is what connect.html names."""
    language = language_for(request)
    html = (
        _environment()
        .get_template("connect.html")
        .render(language=language, words=WORDS[language], style=_style(), **shown)
    )
    return _page(html, 200, form_action(authorization_url))


def form_action(authorization_url: str) -> str:
    """Return where the form may lead. Browsers apply it to each redirect that follows, and those of a real provider
    are unknown here, so any https host is; plain http only towards this machine.
    """
    url = urlsplit(authorization_url)
    if url.scheme == "http" and is_loopback(url.hostname or ""):
        return f"form-action 'self' {url.scheme}://{url.netloc}"
    return "form-action 'self' https:"


def language_for(request: Request) -> Language:
    """Return the language that the browser asks for."""
    return language_of(request.cookies.get("fujie_lang"), request.headers.get("accept-language", ""))


def _page(html: str, status: int, form: str) -> Response:
    policy = f"default-src 'none'; style-src {_style_hash()}; base-uri 'none'; frame-ancestors 'none'; {form}"
    return HTMLResponse(html, status, {**HEADERS, "content-security-policy": policy})


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False
    )


@cache
def _style() -> "Markup":
    from markupsafe import Markup

    return Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, no input in it


@cache
def _style_hash() -> str:
    return f"'sha256-{b64encode(hashlib.sha256(_style().encode()).digest()).decode()}'"
