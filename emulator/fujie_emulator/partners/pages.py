"""The consent page of a partner: plain HTML, no script, marked as emulated."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse

from fujie_emulator.partners.oauth import AuthorizationRequest
from fujie_emulator.partners.state import Partner, Words

if TYPE_CHECKING:
    from jinja2 import Environment

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1a1a1a}"
    "main{max-width:26rem;margin:8vh auto;padding:1.5rem;background:#fff;border-radius:.75rem}"
    "p.mark{margin:0;padding:.5rem 1rem;background:#ffe9a8;color:#4a3500;text-align:center}"
    "h1{font-size:1.25rem}select,button{font:inherit;padding:.5rem 1rem;border-radius:.5rem}"
    "select{width:100%;margin:.25rem 0 1rem}button{border:1px solid #888;background:#fff;color:#1a1a1a;cursor:pointer}"
    "button.allow{background:#0b5fff;border-color:#0b5fff;color:#fff}"
    "button:focus-visible,select:focus-visible{outline:3px solid #ffb000}"
    "@media(prefers-color-scheme:dark){body{background:#15171a;color:#eee}main{background:#22262b}"
    "button,select{background:#2d3238;color:#eee}}"
)
# Browsers hold redirects after a form to form-action too, and a consent ends at the product's own origin.
_LOOPBACK = "http://localhost:* http://*.localhost:* http://127.0.0.1:*"
_FRAME = """<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>{{ style | safe }}</style></head><body>
<p class="mark">{{ mark }}</p><main><h1>{{ title }}</h1>
{% if refusal %}<p role="alert">{{ refusal }}</p>{% else %}
<p>{{ intro }}</p><ul>{% for scope in scopes %}<li>{{ scope }}</li>{% endfor %}</ul>
<form method="post" action="{{ action }}"><input type="hidden" name="request" value="{{ request_id }}">
<label for="account">{{ account_label }}</label>
<select id="account" name="account" required>
{% if not chosen %}<option value="" selected>{{ choose }}</option>{% endif %}
{% for account in accounts -%}
<option value="{{ account }}"{% if account == chosen %} selected{% endif %}>{{ account }}</option>
{% endfor %}</select>
<button class="allow" type="submit" name="decision" value="allow">{{ allow }}</button>
<button type="submit" name="decision" value="deny" formnovalidate>{{ deny }}</button></form>{% endif %}
</main></body></html>
"""
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "mark": "Emulated partner: this page stands in for the real {name}.",
        "title": "{name}: allow access?",
        "intro": "{client} asks for permission to:",
        "account_label": "Account",
        "choose": "Choose an account",
        "allow": "Allow",
        "deny": "Deny",
        "refused": "{name}: this request cannot be answered",
    },
    "zh": {
        "mark": "模拟的合作方：此页面代替真实的 {name}。",
        "title": "{name}：允许访问吗？",
        "intro": "{client} 请求以下权限：",
        "account_label": "账号",
        "choose": "请选择账号",
        "allow": "允许",
        "deny": "拒绝",
        "refused": "{name}：无法处理此请求",
    },
}


def consent_page(
    request: Request, found: Partner, asked: AuthorizationRequest, request_id: str, accounts: Mapping[str, str]
) -> HTMLResponse:
    """Return the page that asks the user; its form goes back to the address it came from."""
    language = page_language(request)
    words = _words(language, found, asked.client_id)
    html = _template(
        words,
        language=language,
        scopes=[scope_words(scope, found.scopes[scope], language) for scope in asked.scopes],
        action=f"/partners/{found.name}/authorize",
        request_id=request_id,
        accounts=accounts,
        chosen=_hinted(asked.login_hint, accounts),
    )
    return _page(html, 200, asked.redirect_uri)


def refusal_page(request: Request, found: Partner, message: str, status: int) -> HTMLResponse:
    """Return the page that says why nothing can be asked; it leads nowhere."""
    language = page_language(request)
    words = _words(language, found, "")
    return _page(_template(words | {"title": words["refused"]}, language=language, refusal=message), status, "")


def page_language(request: Request) -> str:
    """Return "zh" when the browser prefers Chinese, else "en"."""
    first = (request.query_params.get("ui_locales") or request.headers.get("accept-language", "")).strip().lower()
    return "zh" if first.startswith("zh") else "en"


def scope_words(scope: str, words: Words, language: str) -> str:
    """Return what the scope allows, in words when there are any, with its name."""
    said = words.get(language) or words.get("en") or next(iter(words.values()), "")
    return f"{said} ({scope})" if said else scope


def _hinted(hint: str, accounts: Mapping[str, str]) -> str:
    """Return the account that a login_hint means: a name, a user id, or NAME@DOMAIN."""
    name = hint.partition("@")[0]
    return next((account for account, user_id in accounts.items() if name in {account, user_id}), "")


def _words(language: str, found: Partner, client: str) -> dict[str, str]:
    return {key: text.format(name=found.display_name, client=client) for key, text in _WORDS[language].items()}


def _template(words: dict[str, str], **values: object) -> str:
    return _environment().from_string(_FRAME).render(**words, **values, style=_STYLE)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment

    return Environment(autoescape=True)


def _page(html: str, status: int, redirect_uri: str) -> HTMLResponse:
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    parts = urlsplit(redirect_uri)
    target = f" {parts.scheme}://{parts.netloc}" if redirect_uri else ""
    csp = f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {_LOOPBACK}{target}"
    csp += "; frame-ancestors 'none'; base-uri 'none'"
    return HTMLResponse(
        html,
        status,
        {
            "content-security-policy": csp,
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        },
    )
