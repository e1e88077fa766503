"""Projects, log stores with their index, and the lines that functions print, a file for each store."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie_emulator.sls.errors import invalid, not_there, there_already

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "sls"
FILE_LIMIT = 5_000_000  # bytes of a store's newest lines; as many older ones are kept beside them
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_STORE = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
_STORE_FIELDS = (
    "logstoreName", "ttl", "shardCount", "autoSplit", "appendMeta", "telemetryType", "hot_ttl", "mode", "maxSplitShard",
    "enable_tracking", "infrequentAccessTTL", "encrypt_conf",
)  # fmt: skip


def create_project(cloud: "Cloud", asked: Mapping[str, Any]) -> None:
    """Make a project."""
    name = asked.get("projectName")
    if not isinstance(name, str) or not _PROJECT.fullmatch(name):
        raise invalid("projectName has 3 to 63 lower-case letters, digits and -")
    if cloud.store.get(SERVICE, "project", name) is not None:
        raise there_already("Project", name)
    now = str(int(cloud.clock.time()))
    document = {"projectName": name, "description": str(asked.get("description") or ""), "createTime": now, "tags": {}}
    cloud.store.put(SERVICE, "project", name, document)


def project(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return what is kept of the project; raise ProjectNotExist."""
    found = cloud.store.get(SERVICE, "project", name)
    if found is None:
        raise not_there("Project", name)
    return found


def change_project(cloud: "Cloud", name: str, changes: Mapping[str, Any]) -> None:
    """Replace fields of the project."""
    cloud.store.put(SERVICE, "project", name, project(cloud, name) | dict(changes))


def delete_project(cloud: "Cloud", name: str) -> None:
    """Forget the project with everything in it."""
    project(cloud, name)
    for store in stores(cloud, name):
        delete_store(cloud, name, store)
    cloud.store.delete(SERVICE, "project", name)


def create_store(cloud: "Cloud", of: str, asked: Mapping[str, Any]) -> None:
    """Make a log store in a project."""
    project(cloud, of)
    name = asked.get("logstoreName")
    if not isinstance(name, str) or not _STORE.fullmatch(name):
        raise invalid("logstoreName has 3 to 63 lower-case letters, digits, - and _")
    if cloud.store.get(SERVICE, "logstore", f"{of}/{name}") is not None:
        raise there_already("LogStore", name)
    now = int(cloud.clock.time())
    document = {"mode": "standard", "autoSplit": False, "appendMeta": False, "enable_tracking": False}
    document |= _fields(asked) | {"createTime": now, "lastModifyTime": now}
    cloud.store.put(SERVICE, "logstore", f"{of}/{name}", document)


def store(cloud: "Cloud", of: str, name: str) -> dict[str, Any]:
    """Return what is kept of the log store; raise ProjectNotExist or LogStoreNotExist."""
    project(cloud, of)
    found = cloud.store.get(SERVICE, "logstore", f"{of}/{name}")
    if found is None:
        raise not_there("LogStore", name)
    return found


def change_store(cloud: "Cloud", of: str, name: str, asked: Mapping[str, Any]) -> None:
    """Replace the fields that are given."""
    changed = store(cloud, of, name) | _fields(asked) | {"lastModifyTime": int(cloud.clock.time())}
    cloud.store.put(SERVICE, "logstore", f"{of}/{name}", changed)


def delete_store(cloud: "Cloud", of: str, name: str) -> None:
    """Forget the log store with its index and its lines."""
    store(cloud, of, name)
    cloud.store.delete(SERVICE, "index", f"{of}/{name}")
    cloud.store.delete(SERVICE, "logstore", f"{of}/{name}")
    shutil.rmtree(_file(cloud, of, name).parent, ignore_errors=True)


def stores(cloud: "Cloud", of: str) -> list[str]:
    """Return the names of a project's log stores."""
    keys = [key for key, _ in cloud.store.list(SERVICE, "logstore")]
    return [key.partition("/")[2] for key in keys if key.partition("/")[0] == of]


def put_index(cloud: "Cloud", of: str, name: str, asked: Mapping[str, Any]) -> None:
    """Say what of the lines can be searched; the emulator keeps it, and finds words anyhow."""
    store(cloud, of, name)
    cloud.store.put(SERVICE, "index", f"{of}/{name}", {"index_mode": "v2", "ttl": 30} | dict(asked))


def index(cloud: "Cloud", of: str, name: str) -> dict[str, Any]:
    """Return the index; raise IndexConfigNotExist."""
    store(cloud, of, name)
    found = cloud.store.get(SERVICE, "index", f"{of}/{name}")
    if found is None:
        raise not_there("IndexConfig", name)
    return found


def delete_index(cloud: "Cloud", of: str, name: str) -> None:
    """Forget the index."""
    index(cloud, of, name)
    cloud.store.delete(SERVICE, "index", f"{of}/{name}")


def write(cloud: "Cloud", of: str, name: str, line: Mapping[str, str]) -> None:
    """Keep a line, if the log store is there: who writes logs does not fail for them."""
    if cloud.store.get(SERVICE, "logstore", f"{of}/{name}") is None:
        return
    file = _file(cloud, of, name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if file.exists() and file.stat().st_size > FILE_LIMIT:
        file.replace(file.with_suffix(".older"))
    with file.open("a") as lines:
        lines.write(json.dumps({"__time__": str(int(cloud.clock.time())), **line}, ensure_ascii=False) + "\n")


def read(cloud: "Cloud", of: str, name: str, since: int, until: int, query: str) -> Iterator[dict[str, str]]:
    """Yield the lines from `since` to before `until` (epoch seconds) that hold the query's words, oldest first."""
    store(cloud, of, name)
    words = [word.lower() for word in query.split() if word not in ("*", "and")]
    newest = _file(cloud, of, name)
    for file in (newest.with_suffix(".older"), newest):
        for text in file.read_text().splitlines() if file.exists() else ():
            line: dict[str, str] = json.loads(text)
            if since <= int(line["__time__"]) < until and all(word in text.lower() for word in words):
                yield line


def _fields(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in _STORE_FIELDS if asked.get(name) is not None}


def _file(cloud: "Cloud", of: str, name: str) -> Path:
    return cloud.store.directory / "sls" / of / name / "lines.jsonl"
