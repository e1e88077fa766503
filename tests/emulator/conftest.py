"""What every emulator test may ask for."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import httpx2
import pytest

from fujie_emulator.core.opening import open_cloud
from fujie_emulator.testing import Running, running


@pytest.fixture
def cloud(tmp_path):
    """A cloud in this process, on state of its own."""
    cloud = open_cloud(tmp_path / "cloud", "http://127.0.0.1:18091")
    yield cloud
    cloud.store.close()


@pytest.fixture
def served(tmp_path):
    """A cloud that answers on loopback."""
    with running(tmp_path / "served") as served:
        yield served


@dataclass
class SigningClient:
    """A second implementation of ACS3, written from the documentation and not from the emulator."""

    served: Running
    access_key_id: str
    secret: str
    token: str = ""
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False))

    def headers(self, method, path, query, body, extra):
        host = self.served.url.removeprefix("http://")
        headers = {
            "host": host,
            "x-acs-date": datetime.fromtimestamp(self.served.cloud.clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        } | extra
        if self.token:
            headers["x-acs-security-token"] = self.token
        names = sorted(headers)
        encoded = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query.items()))
        lines = [method, path, encoded, *(f"{n}:{headers[n].strip()}" for n in names), "", ";".join(names)]
        canonical = "\n".join([*lines, headers["x-acs-content-sha256"]])
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.access_key_id},SignedHeaders={';'.join(names)},Signature={signature}"
        )
        return headers

    def call(self, version, action, form=None, query=None, **headers):
        """Send one RPC call and return the response; keyword headers (with _) replace or add signed ones."""
        body = urlencode(form or {}).encode()
        extra = {"x-acs-version": version, "x-acs-action": action}
        extra |= {"content-type": "application/x-www-form-urlencoded"} if form else {}
        extra |= {name.replace("_", "-"): value for name, value in headers.items()}
        signed = self.headers("POST", "/", query or {}, body, extra)
        return self.http.post(f"{self.served.url}/", params=query, content=body, headers=signed)


@pytest.fixture
def operator(served):
    """The account's operator, signing, and let in by the admin routes."""
    client = SigningClient(served, served.access_key_id, served.access_key_secret)
    client.http.headers.update(served.admin_headers)
    yield client
    client.http.close()


@pytest.fixture
def signing_as(served):
    """Make a client that signs with a temporary key: `signing_as(credentials)`."""
    clients = []

    def make(credentials):
        clients.append(
            SigningClient(
                served, credentials["AccessKeyId"], credentials["AccessKeySecret"], credentials["SecurityToken"]
            )
        )
        return clients[-1]

    yield make
    for client in clients:
        client.http.close()
