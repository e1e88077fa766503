"""`GET /_fujie/`: the inspector page, rendered here, without script."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.inspector.view import view
from fujie_emulator.inspector.words import LANGUAGES, words_in

_TEMPLATES = Path(__file__).parent / "templates"


def inspector_routes(cloud: Cloud) -> list[Route]:
    """Return the page's route."""

    async def page(request: Request) -> HTMLResponse:
        only_refused = request.query_params.get("only") == "refused"
        language = _language(request)
        text = _template().render(
            view=view(cloud, only_refused=only_refused),
            only="refused" if only_refused else "all",
            words=words_in(language),
            other=next(each for each in LANGUAGES if each != language),
            css=Markup(_css()),  # noqa: S704 (our own file)
        )
        return HTMLResponse(text, headers=_headers())

    return [Route("/_fujie/", page)]


def _language(request: Request) -> str:
    """Return the language asked for by the page's own link, else the browser's first of ours."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return asked
    preferred = (part.strip()[:2].lower() for part in request.headers.get("accept-language", "")[:500].split(","))
    return next((tag for tag in preferred if tag in LANGUAGES), "en")


@cache
def _headers() -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    return {
        "content-security-policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("inspector.html")


@cache
def _css() -> str:
    return (_TEMPLATES / "inspector.css").read_text(encoding="utf-8")
