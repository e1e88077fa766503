"""What was answered is kept: the emulator is killed right after an answer, while other calls are under way."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import httpx2
import oss2
import pytest

from tests.emulator.conftest import SigningClient

RAM, IDENTITY = "2015-05-01", "2025-09-01"
TRUST = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["x"]}}]}'
KILLED_AFTER = (3, 8, 23)  # answers of the round
START_DEADLINE_S = 20
BUCKET = "lasting-objects"


class Program:
    """The emulator as a process of its own, on one state directory."""

    def __init__(self, directory):
        self.ready_file = directory / "ready.json"
        self.ready_file.unlink(missing_ok=True)
        where = ["--port", "0", "--state", directory / "state", "--ready-file", self.ready_file]
        self.process = subprocess.Popen([sys.executable, "-m", "fujie_emulator", "start", *where])
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.ready_file.exists():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.ready = json.loads(self.ready_file.read_text())

    def make_bucket(self):
        body = {"resources": [{"service": "oss", "bucket": BUCKET}]}
        headers = {"x-fujie-admin": self.ready["admin_token"]}
        httpx2.post(
            f"{self.ready['url']}/_fujie/import", json=body, headers=headers, trust_env=False
        ).raise_for_status()

    def object_url(self, method, name):
        """Return a presigned URL of one object."""
        signer = oss2.Auth(self.ready["access_key_id"], self.ready["access_key_secret"])
        bucket = oss2.Bucket(signer, self.ready["url"], BUCKET, is_path_style=True)
        return bucket.sign_url(method, name, 600)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)

    def client(self, http=None):
        served = SimpleNamespace(url=self.ready["url"], cloud=SimpleNamespace(clock=time))
        http = http or httpx2.Client(trust_env=False)
        return SigningClient(served, self.ready["access_key_id"], self.ready["access_key_secret"], http=http)


class Diary:
    """What one client was told: which roles, identity providers and objects exist, and every request answered."""

    def __init__(self, program, name):
        self.program = program
        self.client = program.client()
        self.name = name
        self.there = set()
        self.gone = set()
        self.answered = []
        self.objects = []

    def step(self, number):
        """Make one role, one identity provider and one object, and unmake every third of the first two."""
        name = f"{self.name}-{number}"
        self._told("make", ("role", name), RAM, "CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
        provider = {"IdentityProviderName": name, "DiscoveryURL": "https://idp.example", "AllowedAudience": '["a"]'}
        self._told("make", ("provider", name), IDENTITY, "CreateIdentityProvider", **provider)
        self._put_object(name)
        if number % 3 == 0:
            self._told("unmake", ("role", name), RAM, "DeleteRole", RoleName=name)
            self._told("unmake", ("provider", name), IDENTITY, "DeleteIdentityProvider", IdentityProviderName=name)

    def _put_object(self, name):
        self.unsure = ("object", name)
        answer = self.client.http.put(self.program.object_url("PUT", name), content=name.encode() * 999)
        assert answer.status_code == 200, answer.text
        self.objects.append(name)
        self.unsure = None
        self.after_answer()

    def _told(self, kind, thing, version, action, **form):
        self.unsure = thing
        answer = self.client.call(version, action, form)
        assert answer.status_code == 200, answer.text
        (self.there if kind == "make" else self.gone).add(thing)
        self.answered.append(answer.request)
        self.unsure = None
        self.after_answer()

    def count(self):
        """Return how many answers came."""
        return len(self.answered) + len(self.objects)

    def after_answer(self):
        """The killer's diary kills here."""


def live(diary):
    """Make steps until the connection ends."""
    with diary.client.http, contextlib.suppress(httpx2.HTTPError):
        for number in range(1, 10_000):
            diary.step(number)


@pytest.mark.parametrize("answers", KILLED_AFTER)
def test_kill_9_after_any_answer_loses_nothing(tmp_path, answers):
    program = Program(tmp_path)
    killer, other = Diary(program, "killer"), Diary(program, "other")
    program.make_bucket()
    killer.after_answer = lambda: program.kill() if killer.count() == answers else None
    threads = [threading.Thread(target=live, args=(diary,)) for diary in (killer, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert program.process.wait() == -signal.SIGKILL
    assert killer.count() == answers
    again = Program(tmp_path)
    try:
        with httpx2.Client(trust_env=False) as http:
            check(again, http, killer, other)
    finally:
        again.kill()
        again.process.wait()


def check(program, http, *diaries):
    client = program.client(http)
    roles = client.call(RAM, "ListRoles", {"MaxItems": "1000"}).json()["Roles"]["Role"]
    page = client.call(IDENTITY, "ListIdentityProviders", {"MaxResults": "100"}).json()["IdentityProviders"]
    found = {("role", role["RoleName"]) for role in roles}
    found |= {("provider", provider["IdentityProviderName"]) for provider in page}
    for diary in diaries:
        mine = {thing for thing in found if thing[1].startswith(f"{diary.name}-")}
        assert mine - {diary.unsure} == diary.there - diary.gone - {diary.unsure}
        for name in diary.objects:
            assert http.get(program.object_url("GET", name)).content == name.encode() * 999
        for request in diary.answered[-3:]:
            answer = http.post(program.ready["url"] + "/", content=request.content, headers=request.headers)
            assert answer.json()["Code"] == "SignatureNonceUsed"
    assert client.call("2015-04-01", "GetCallerIdentity").status_code == 200
