"""`fujie token`: sign a demo user in without a browser."""

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from fujie.cli.errors import CliError, NotStartedError
from fujie.secret import Secret


def id_token_of(user: str, state: Path) -> Secret:
    """Return an id_token for the stack's sign-in application, by code and PKCE, as a browser would get it.

    Raises NotStartedError when no `fujie dev` runs on that state, CliError when the user is not a demo user.
    """
    import httpx2

    ready = _ready(state)
    if user not in ready["users"]:
        raise CliError(f"there is no demo user {user!r}", repair=f"choose one of: {', '.join(ready['users'])}")
    verifier = secrets.token_urlsafe(48)
    try:
        with httpx2.Client(trust_env=False, timeout=10) as http:
            request = _authorization_request(http.get(f"{ready['url']}/auth").json()["auth_url"], verifier)
            code = _sign_in(http, f"{ready['cloud']}/signin/oauth2/v1/auth", request, user)
            return _redeem(http, ready["cloud"], request, code, verifier)
    except httpx2.HTTPError as error:
        raise NotStartedError(f"the stack does not answer: {error}", repair="is `fujie dev` running?") from error
    except (KeyError, TypeError, ValueError) as error:
        told = f"something else than the stack answers at {ready['url']}"
        raise NotStartedError(told, repair="stop that, and start `fujie dev` again") from error


def _ready(state: Path) -> Any:
    try:
        return json.loads((state / "run" / "dev.json").read_text())
    except (OSError, ValueError) as error:
        raise NotStartedError(f"nothing runs on {state}", repair="start it with `make dev`") from error


def _authorization_request(auth_url: str, verifier: str) -> dict[str, str]:
    """Return chat's own request with our verifier in place of its."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(auth_url).query).items()}
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    own = {"state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16), "code_challenge": challenge}
    return asked | own | {"code_challenge_method": "S256"}


def _sign_in(http: Any, authorize_url: str, request: dict[str, str], user: str) -> str:
    page = http.get(authorize_url, params=request)
    form = _Form()
    form.feed(page.text)
    answer = http.post(urljoin(str(page.url), form.action), data=form.hidden | {"user": user})
    location = answer.headers.get("location", "")
    returned = parse_qs(urlsplit(location).query)
    if returned.get("state") != [request["state"]] or "code" not in returned:
        raise CliError("the emulated sign-in page refused")
    return str(returned["code"][0])


def _redeem(http: Any, cloud: str, request: dict[str, str], code: str, verifier: str) -> Secret:
    answer = http.post(
        f"{cloud}/oauth/v1/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "client_id": request["client_id"],
            "redirect_uri": request["redirect_uri"],
            "code_verifier": verifier,
        },
    )
    answer.raise_for_status()
    return Secret(answer.json()["id_token"])


class _Form(HTMLParser):
    """The first form of a page: where it goes, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"]] = found.get("value", "")
