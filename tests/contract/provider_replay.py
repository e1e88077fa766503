"""Recorded requests of the Terraform provider, sent again with signatures made with other keys.

The recording is of one life (up, preview, refresh, update, destroy) of a RAM role with a policy, a bucket with an
object, and a function with an HTTP trigger, answered by a small stub. Its account and region are put in this cloud's
words. Three signatures are made anew here, written from their documentation: RPC V1, ROA V1 and OSS V4.
"""

import base64
import hashlib
import hmac
import http.client
import json
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from tests.emulator.fc.packing import zipped

RECORDING = Path(__file__).parent / "fixtures" / "provider_traffic.jsonl"
ACCOUNT, REGION, KEY_ID, SECRET = "1234567890123456", "cn-hangzhou", "ak", "sk"
_SIGNED_ANEW = ("Signature", "SignatureNonce", "Timestamp", "AccessKeyId")
_NOT_SENT = ("host", "content-length", "accept-encoding", "authorization", "date")


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer; `number` is its line."""

    number: int
    step: str
    method: str
    path: str
    query: dict = field(repr=False)
    headers: dict = field(repr=False)
    body: bytes = field(repr=False)
    status: int
    answer: str = field(repr=False)

    @property
    def product(self):
        if self.path.startswith("/2023-03-30"):
            return "fc"
        return "ram" if self.query.get("Version") else "oss"

    @property
    def query_string(self):
        return "&".join(_pair(name, value) for name, value in self.query.items())

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def name(self):
        return f"{self.number}-{self.step}-{self.method}-{self.query.get('Action') or self.path + ','.join(self.query)}"


def recorded(account=ACCOUNT, region=REGION):
    """Return the exchanges, in the words of this account and region."""
    step, exchanges = "", []
    for number, line in enumerate(RECORDING.read_text().splitlines(), 1):
        row = json.loads(line.replace(ACCOUNT, account).replace(REGION, region))
        if "step" in row:
            step = row["step"]
            continue
        headers = {name.lower(): value for name, value in row["h"].items()}
        # Bytes that were no UTF-8 were lost in the recording; a package of the same one file stands in.
        body = zipped(**{"index.py": "x"}) if row["p"].endswith(".zip") and row["b"] else row["b"].encode()
        exchanges.append(Exchange(number, step, row["m"], row["p"], row["q"], headers, body, row["st"], row["out"]))
    return exchanges


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes


class Replayer:
    """Sends exchanges to a cloud, signed with its operator's key."""

    def __init__(self, running):
        self.running = running

    def send(self, exchange):
        headers = {name: value for name, value in exchange.headers.items() if name not in _NOT_SENT}
        key_id, secret = self.running.access_key_id, self.running.access_key_secret
        query = exchange.query_string
        if exchange.product == "ram":
            query = urlencode(self._rpc_query(exchange))
        else:
            headers["date"] = format_datetime(self._now(), usegmt=True)
        if exchange.product == "fc":
            headers["x-acs-signature-nonce"] = uuid.uuid4().hex
            headers["authorization"] = f"acs {key_id}:{roa_v1(secret, exchange.method, exchange.path, headers)}"
        if exchange.product == "oss":
            headers["authorization"] = oss_v4(key_id, secret, self.running.region, exchange, headers)
        return self._exchange(exchange.method, f"{exchange.path}?{query}".rstrip("?"), headers, exchange.body)

    def _exchange(self, method, path, headers, body):
        connection = http.client.HTTPConnection(self.running.url.removeprefix("http://"), timeout=10)
        with closing(connection):
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read())

    def _now(self):
        return datetime.fromtimestamp(int(self.running.cloud.clock.time()), UTC)

    def _rpc_query(self, exchange):
        query = {name: value for name, value in exchange.query.items() if name not in _SIGNED_ANEW} | {
            "AccessKeyId": self.running.access_key_id,
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        signature = rpc_v1(self.running.access_key_secret, exchange.method, query | exchange.form)
        return query | {"Signature": signature}


def oss_v4(key_id, secret, region, exchange, headers):
    moment = parsedate_to_datetime(headers["date"])
    scope = f"{moment:%Y%m%d}/{region}/oss/aliyun_v4_request"
    names = sorted(name for name in headers if name.startswith("x-oss-") or name in ("content-type", "content-md5"))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    query = "&".join(_pair(name, exchange.query[name]) for name in sorted(exchange.query))
    path = exchange.path.replace("%2F", "/")
    canonical = f"{exchange.method}\n{path}\n{query}\n{lines}\n\nUNSIGNED-PAYLOAD"
    text = f"OSS4-HMAC-SHA256\n{headers['date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"OSS4-HMAC-SHA256 Credential={key_id}/{scope},Signature={signature}"


def rpc_v1(secret, method, params):
    escaped = "&".join(f"{quote(k, safe='~')}={quote(params[k], safe='~')}" for k in sorted(params))
    return _sha1(f"{secret}&", f"{method}&%2F&{quote(escaped, safe='~')}")


def roa_v1(secret, method, path, headers):
    lines = [method, *(headers.get(name, "") for name in ("accept", "content-md5", "content-type", "date"))]
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-acs-")]
    return _sha1(secret, "\n".join([*lines, path]))


def _sha1(secret, text):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _pair(name, value):
    return quote(name, safe="") + (f"={quote(value, safe='')}" if value else "")
