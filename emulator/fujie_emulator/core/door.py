"""The door of `/_fujie/`: programs on this machine may look, its operator may also change things."""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from fujie_emulator.core.admin_token import FILE, HEADER
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECRET = ("/_fujie/snapshot",)  # reading these gives keys away


def admit(cloud: Cloud, request: Request) -> None:
    """Raise CloudError unless the request may pass.

    404 when the admin routes are switched off; 403 when it comes from elsewhere or from a web page, or when it would
    change something, or read secrets, without the token: who may declare a function may run commands.
    """
    if cloud.admin_token is None:
        raise CloudError("InvalidApi.NotFound", 404, "The admin routes are switched off.")
    check_local(request)
    if request.method in ("GET", "HEAD") and request.scope["path"] not in _SECRET:
        return
    sent = request.headers.get(HEADER, "")
    if not cloud.admin_token or not hmac.compare_digest(sent.encode(), cloud.admin_token.encode()):
        words = f"Send the header {HEADER} with the token in {FILE} of the emulator's state directory."
        raise CloudError("Forbidden", 403, words)


def check_local(request: Request) -> None:
    """Raise Forbidden 403 (CloudError) unless a program on this machine asks.

    The Host must be a loopback name (a rebound DNS name is not one), and no web page may ask: browsers send
    Origin or Sec-Fetch-Site with every request that a page makes to another site.
    """
    client = request.client.host if request.client else "127.0.0.1"
    host = request.headers.get("host", "")
    name = urlsplit(host if "://" in host else f"//{host}").hostname or ""
    if client not in _LOOPBACK or name not in _LOOPBACK:
        raise CloudError("Forbidden", 403, "Only loopback addresses and names may use /_fujie/.")
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise CloudError("Forbidden", 403, "Web pages may not use /_fujie/.")
