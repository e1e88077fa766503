"""DingTalk's documents, of the emulated kind: named texts, each account's own."""

import json
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.partners.errors import PartnerError, not_found
from fujie_emulator.partners.state import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

LONGEST_NAME = 128
LONGEST_TEXT = 100_000


def write_document(cloud: "Cloud", account: str, name: str, body: Any) -> dict[str, Any]:
    """Create the account's document or replace its text; raise PartnerError 400."""
    _check_name(name)
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise PartnerError(400, "invalid_document", f"The body is {{'text': at most {LONGEST_TEXT} characters}}.")
    doc = {"account": account, "document": name, "text": text, "updated_at": iso(cloud.clock.now())}
    cloud.store.put(SERVICE, "document", _key(account, name), doc)
    return {"document": name, "length": len(text), "updated_at": doc["updated_at"]}


def read_document(cloud: "Cloud", account: str, name: str) -> dict[str, Any]:
    """Return the account's document; raise PartnerError 404."""
    _check_name(name)
    doc = cloud.store.get(SERVICE, "document", _key(account, name))
    if doc is None:
        raise not_found(f"document {name!r} of {account}")
    return {"document": name, "text": doc["text"], "updated_at": doc["updated_at"]}


def _key(account: str, name: str) -> str:
    return json.dumps([account, name], ensure_ascii=False)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise PartnerError(400, "invalid_document", f"A document's name has 1 to {LONGEST_NAME} printable characters.")
