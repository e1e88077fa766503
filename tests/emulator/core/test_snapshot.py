"""The whole state in one file, and back."""

import io
import json
import tarfile

import httpx2
import pytest

from fujie_emulator.oss.routes import import_resource
from fujie_emulator.testing import running

RAM = "2015-05-01"
TRUST = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["x"]}}]}'


@pytest.fixture
def take(served, operator):
    def take():
        answer = operator.http.get(f"{served.url}/_fujie/snapshot")
        assert answer.status_code == 200
        return answer.content

    return take


@pytest.fixture
def restore(served, operator):
    def restore(content):
        return operator.http.put(f"{served.url}/_fujie/snapshot", content=content)

    return restore


@pytest.fixture
def roles(operator):
    def roles():
        return [role["RoleName"] for role in operator.call(RAM, "ListRoles").json()["Roles"]["Role"]]

    return roles


def make_role(operator, name):
    assert operator.call(RAM, "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": TRUST}).status_code == 200


async def put(served, key, text):
    await import_resource(served.cloud, {"bucket": "bucket-one", "key": key, "text": text})


def objects(served):
    return {path.read_text() for path in (served.cloud.store.directory / "objects").rglob("*") if path.is_file()}


async def test_what_was_there_comes_back_and_what_came_later_goes(served, operator, take, restore, roles):
    make_role(operator, "before")
    await put(served, "a/b", "first")
    served.cloud.clock.advance(60)
    kept = take()
    make_role(operator, "later")
    await put(served, "a/b", "second")
    served.cloud.clock.advance(600)
    answer = restore(kept)
    assert answer.json() == {"account_id": served.account_id, "access_key_id": served.access_key_id}
    assert roles() == ["before"]
    assert objects(served) == {"first"}
    assert served.cloud.clock.offset_s == 60
    assert operator.call("2015-04-01", "GetCallerIdentity").status_code == 200


def test_a_snapshot_of_another_account_brings_its_key(served, operator, take, tmp_path):
    port = int(served.url.rsplit(":", 1)[1])
    kept = take()
    manifest_of_another = kept.replace(served.url.encode(), served.url.encode())
    with running(tmp_path / "other") as other:
        answer = httpx2.put(
            f"{other.url}/_fujie/snapshot", content=manifest_of_another, headers=other.admin_headers, trust_env=False
        )
        assert (answer.status_code, answer.json()["Code"]) == (409, "Conflict.Snapshot")
        assert str(port) in answer.json()["Message"]
        assert other.cloud.account.access_key_id == other.access_key_id
        moved = changed(kept, "manifest.json", lambda text: text.replace(served.url.encode(), other.url.encode()))
        answer = httpx2.put(f"{other.url}/_fujie/snapshot", content=moved, headers=other.admin_headers, trust_env=False)
        assert answer.json()["access_key_id"] == served.access_key_id
        operator.served = other
        assert operator.call("2015-04-01", "GetCallerIdentity").status_code == 200


def test_it_lies_in_one_plain_archive_without_the_admin_token(served, take):
    with tarfile.open(fileobj=io.BytesIO(take())) as tar:
        assert {"manifest.json", "cloud.sqlite3"} <= set(tar.getnames())
    assert served.cloud.admin_token.encode() not in take()


def test_nothing_is_left_lying_about(served, take, restore):
    kept = take()
    restore(kept)
    restore(b"no")
    assert [path.name for path in served.cloud.store.directory.iterdir() if path.name.startswith("snapshot-")] == []


def changed(archive, name, change):
    """Return the archive with one file's content changed."""
    into = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=into, mode="w") as new:
        for member in old:
            content = old.extractfile(member).read() if member.isfile() else b""
            content = change(content) if member.name == name else content
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return into.getvalue()


def with_member(archive, **fields):
    """Return the archive with one more, hostile member."""
    into = io.BytesIO(archive)
    with tarfile.open(fileobj=into, mode="a") as tar:
        member = tarfile.TarInfo()
        for field, value in fields.items():
            setattr(member, field, value)
        tar.addfile(member, io.BytesIO(b"x" * member.size))
    return into.getvalue()


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../outside", "size": 1},
        {"name": "objects/../../outside", "size": 1},
        {"name": "/tmp/outside", "size": 1},
        {"name": "objects/ab/link", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"name": "objects/ab/link", "type": tarfile.LNKTYPE, "linkname": "cloud.sqlite3"},
        {"name": "objects/ab/fifo", "type": tarfile.FIFOTYPE},
        {"name": "admin-token", "size": 1},
        {"name": "cloud.sqlite3", "size": 1},
    ],
)
def test_an_archive_that_points_elsewhere_changes_nothing(served, operator, take, restore, roles, tmp_path, member):
    kept = take()
    make_role(operator, "later")
    token = served.cloud.admin_token
    answer = restore(with_member(kept, **member))
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter.Snapshot")
    assert roles() == ["later"]
    assert not (tmp_path / "outside").exists()
    assert (served.cloud.store.directory / "admin-token").read_text().strip() == token


@pytest.mark.parametrize(
    "broken",
    [
        lambda kept: b"",
        lambda kept: b"no archive",
        lambda kept: kept[: len(kept) // 3],
        lambda kept: changed(kept, "cloud.sqlite3", lambda _: b"no database" * 1000),
        lambda kept: changed(kept, "cloud.sqlite3", lambda text: text[:4096] + b"\xff" * (len(text) - 4096)),
        lambda kept: changed(kept, "manifest.json", lambda _: b"{"),
        lambda kept: changed(kept, "manifest.json", lambda _: json.dumps({"format": 2}).encode()),
    ],
)
def test_what_is_no_snapshot_changes_nothing(operator, take, restore, roles, broken):
    kept = take()
    make_role(operator, "later")
    assert restore(broken(kept)).status_code == 400
    assert roles() == ["later"]


def test_a_reset_keeps_the_account_and_forgets_the_rest(served, operator, roles):
    make_role(operator, "gone")
    served.cloud.clock.advance(60)
    served.cloud.faults.arm({"service": "oss", "kind": "drop"})
    answer = operator.http.post(f"{served.url}/_fujie/reset").json()
    assert answer == {"account_id": served.account_id, "access_key_id": served.access_key_id}
    assert (roles(), served.cloud.clock.offset_s, served.cloud.faults.armed()) == ([], 0, [])
    assert [row["action"] for row in served.cloud.journal.after(0)] == ["ListRoles"]
    assert {user.name for user in served.cloud.users} == {"alice", "bob"}
