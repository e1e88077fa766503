"""An emulated cloud at which creations fail the first time: refused, or done and the answer lost."""

import json
from collections import Counter
from urllib.parse import parse_qs

from fujie_emulator.core.app import TRANSPORT

MAKES = ("POST", "PUT")
REFUSED, LOST = "refused", "done, and its answer lost"
XML = b"<Error><Code>AccessDenied</Code><Message>Refused by the test.</Message><RequestId>1</RequestId></Error>"
JSON = b'{"Code": "NoPermission", "Message": "Refused by the test.", "RequestId": "1"}'


class FirstFails:
    """An ASGI application in front of the cloud's. Of each kind the first creation is done without an answer, the
    second refused, and so on; asked for again, each is done. `failed` maps (kind, name) to how it failed.
    """

    def __init__(self, inner, spared=()):
        self._inner, self._spared, self.failed = inner, spared, {}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] not in MAKES:
            await self._inner(scope, receive, send)
            return
        body = await whole(receive)
        creation, again = creation_of(scope, body), replayed(body, receive)
        if creation is None or creation in self.failed or creation[1] in self._spared:
            await self._inner(scope, again, send)
        elif Counter(kind for kind, _ in self.failed)[creation[0]] % 2:
            self.failed[creation] = REFUSED
            await refuse(scope, send)
        else:
            self.failed[creation] = LOST
            await self._lose(scope, again)

    async def _lose(self, scope, receive):
        async def nobody(_):
            """Hear the answer."""

        await self._inner(scope, receive, nobody)
        scope["extensions"][TRANSPORT]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def refuse(scope, send):
    """Refuse in the words of the service that was asked."""
    kind, body = (b"application/xml", XML) if is_of_objects(scope) else (b"application/json", JSON)
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


def creation_of(scope, body):
    """Return kind and name of what a request creates, None when it creates nothing of its own."""
    path, query = scope["path"], parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    if is_of_objects(scope):
        return None if query else ("object" if path.strip("/").count("/") else "bucket", path)
    if path.startswith("/2023-03-30/"):
        kind = path.rpartition("/")[2]
        told = json.loads(body) if kind in ("functions", "triggers", "async-invoke-config", "custom-domains") else {}
        name = f"{path} {told.get('functionName') or told.get('domainName') or ''}"
        return (kind, name) if told or kind == "invocations" else None
    action = header(scope, b"x-acs-action") or query.get("Action", [""])[0]
    if path != "/" or not action.startswith(("Create", "Attach")):
        return None
    given = query | parse_qs(body.decode())
    return action, " ".join(given[key][0] for key in sorted(given) if key.endswith("Name") or key == "AppId")


def is_of_objects(scope):
    return header(scope, b"authorization").startswith("OSS")


def header(scope, name):
    return dict(scope["headers"]).get(name, b"").decode()


async def whole(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def replayed(body, receive):
    """Return a `receive` that gives the body again, and then what comes."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return first.pop() if first else await receive()

    return again
