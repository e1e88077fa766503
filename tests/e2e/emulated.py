"""A stack on an emulated cloud, however it came there: its addresses, the cloud's controls, the operator's clients."""

import sqlite3
from contextlib import closing
from functools import cached_property

import httpx2

from fujie.secret import Secret
from infra.config import CloudAddress
from infra.providers.clients import CloudClients, OperatorKey


class EmulatedStack:
    """What tests ask of either kind of stack; `ready` says where it is and has the operator's key."""

    name = ""
    """How the names of its resources begin."""
    function_prefix = ""
    token_vault = "default"
    ready = None

    def __init__(self):
        self.remembering = set()
        """Functions that remember what has changed since."""

    @property
    def admin_token(self):
        raise NotImplementedError

    @property
    def database(self):
        """Return the file that is the functions' store."""
        raise NotImplementedError

    def provider_secret(self, provider):
        """Return the API key or the client secret of a credential provider, "" where it has none."""
        raise NotImplementedError

    @property
    def url(self):
        return self.ready["url"]

    @property
    def cloud(self):
        return self.ready["cloud"]

    def admin(self, method, path, **kwargs):
        headers = {"x-fujie-admin": self.admin_token}
        url = f"{self.cloud}/_fujie/{path}"
        answer = httpx2.request(method, url, headers=headers, timeout=10, trust_env=False, **kwargs)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def requests(self, after=0):
        return self.admin("GET", f"requests?after={after}")["requests"]

    def last_request(self):
        return max((row["seq"] for row in self.requests()), default=0)

    def functions(self):
        return self.admin("GET", "functions")

    def freshen(self):
        """Make functions forget what is no longer so: what an instance keeps, and what instances share in the store."""
        if self.remembering:
            with closing(sqlite3.connect(self.database, timeout=30)) as store, store:
                store.execute("DELETE FROM shared_credentials")
        while self.remembering:
            self.admin("POST", f"functions/{self.function_prefix}{self.remembering.pop()}/restart")

    def advance_clock(self, seconds):
        self.admin("POST", "clock", json={"advance_s": seconds})

    @cached_property
    def config(self):
        """The operator's key and this cloud, as the official clients take them."""
        from alibabacloud_tea_openapi.models import Config

        return Config(
            access_key_id=self.ready["access_key_id"],
            access_key_secret=self.ready["access_key_secret"],
            endpoint=self.cloud,
            region_id=self.ready["region"],
        )

    @cached_property
    def clients(self):
        """The operator's official clients."""
        key = OperatorKey(self.ready["access_key_id"], Secret(self.ready["access_key_secret"]))
        return CloudClients(CloudAddress(self.ready["region"], self.cloud), key)
