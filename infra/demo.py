"""What the emulated world holds for the demo: partners that know this stack, and two users' objects."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

from fujie.errors import SettingsError
from fujie.secret import Secret
from fujie.tools.manifest import ProviderNeed
from infra.config import StackConfig
from infra.providers.clients import CloudClients

ALIBABA_VENDORS = ("AliyunOAuth2", "AlibabaCloudOAuth2")


def register_partners(
    http: httpx2.Client,
    config: StackConfig,
    needs: Iterable[ProviderNeed],
    secrets: Mapping[str, Secret],
    resources: Path | None = None,
) -> None:
    """Make every provider outside Alibaba Cloud known to the emulator, with this stack as its client."""
    for need in needs:
        if need.vendor in ALIBABA_VENDORS:
            continue
        body = _partner(config, need, secrets[need.name].reveal())
        if resources is not None:
            body |= _resources(resources / f"{need.name}.json")
        http.put(f"/_fujie/partners/{need.name}", json=body).raise_for_status()


def _partner(config: StackConfig, need: ProviderNeed, secret: str) -> dict[str, Any]:
    if need.kind == "api_key":
        return {"api_keys": {config.stack: secret}}
    return {
        "display_name": need.display_name or need.name,
        "scopes": {name: _by_language(words) for name, words in need.scopes.items()},
        "client_id": config.provider_client_id(need.name),
        "client_secret": secret,
        "redirect_uris": [config.provider_callback_url(need.name)],
    }


def _by_language(words: str | Mapping[str, str]) -> dict[str, str]:
    return {"en": words} if isinstance(words, str) else dict(words)


def _resources(path: Path) -> dict[str, Any]:
    """Return what the partner's API serves, from a file beside the agent: `{"resources": {"/path": {...}}}`."""
    if not path.exists():
        return {}
    try:
        body = json.loads(path.read_text())
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    return {"resources": body.get("resources", {})}


def user_ids(clients: CloudClients, names: Iterable[str]) -> dict[str, str]:
    """Return the demo users' ids with their names; an id is what tokens and object keys carry."""
    from alibabacloud_ram20150501.models import GetUserRequest

    return {str(clients.ram.get_user(GetUserRequest(user_name=name)).body.user.user_id): name for name in names}


def put_objects(clients: CloudClients, bucket: str, users: Mapping[str, str]) -> None:
    """Give each user (id -> name) a schedule and a file, unless they are there: what a user changed stays."""
    target = clients.bucket(bucket)
    for user_id, name in users.items():
        for key, text in _objects(user_id, name).items():
            if not target.object_exists(key):
                target.put_object(key, text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


def _objects(user_id: str, name: str) -> dict[str, str]:
    schedule = [
        {"time": "09:30", "title": f"Stand-up with {name}'s team / 团队站会"},
        {"time": "14:00", "title": "Design review / 设计评审" if name == "alice" else "Customer call / 客户电话"},
    ]
    today = date.today().isoformat()  # noqa: DTZ011 - the demo day is the laptop's
    return {
        f"users/{user_id}/schedule.json": json.dumps({"date": today, "events": schedule}, ensure_ascii=False, indent=1),
        f"users/{user_id}/files/notes.txt": f"Notes of {name}: buy tea.\n{name} 的笔记：买茶。\n",
    }
