"""No secret appears where it must not: every one that the emulated cloud made is looked for everywhere."""

import json
import re
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from tests.e2e.person import Person
from tests.e2e.questions import QUESTIONS
from tests.e2e.test_process_by_curl import token_of

pytestmark = pytest.mark.e2e

FILLED = ("runs", "run_events", "conversations", "consents", "grants", "ledger", "delegations", "browser_sessions")
"""Tables that hold something at the end, so that looking there proves something."""
BAD_PAGES = (
    "/connect/nobody",
    "/callback?session_uri=x&state=y",
    "/auth/callback?code=c0dec0dec0dec0de&state=y",
    "/api/runs/x/events",
)
SEALED = re.compile(r"eyJ[\w-]+(\.[\w-]+){4}")
"""A JWE has five parts: what is inside is what this test looks for, and cannot be read here."""
SECRET_FIELD = re.compile(r"(token|secret|code|verifier|api_?key|key_material)$|^d$", re.IGNORECASE)


class RecordingModel:
    """Passes everything on to the scripted model and keeps what the model was given."""

    def __init__(self):
        self.target = ""
        self.inputs = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                recorder.inputs.append(body.decode())
                answer = httpx2.post(
                    recorder.target + self.path,
                    content=body,
                    headers={name: self.headers[name] for name in ("content-type", "authorization")},
                    timeout=60,
                    trust_env=False,
                )
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def secrets_of_the_cloud(stack):
    """Return every secret-looking value in the emulator's state, and our own stack's."""
    found = set()

    def walk(value, name=""):
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, key)
        elif isinstance(value, list):
            for item in value:
                walk(item, name)
        elif isinstance(value, str) and len(value) >= 16 and SECRET_FIELD.search(name):
            found.add(value)

    for file in (stack.state / "cloud").glob("*.sqlite3"):
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in database.execute(f'select * from "{table}"'):
                for cell in row:
                    if isinstance(cell, str) and cell.startswith(("{", "[")):
                        walk(json.loads(cell))
        database.close()
    walk(json.loads((stack.state / "keys.json").read_text()))
    for name, value in json.loads((stack.state / "keys.json").read_text()).items():
        found |= {value} if isinstance(value, str) else {value["private"]}
        assert name
    return found


def tables(stack):
    """Return every row of every table of the product."""
    database = sqlite3.connect(f"file:{stack.state / 'fujie.db'}?mode=ro", uri=True)
    names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    rows = {name: [str(row) for row in database.execute(f'select * from "{name}"')] for name in names}
    database.close()
    assert all(rows[name] for name in FILLED)
    return "\n".join(f"{name}: {row}" for name, kept in rows.items() for row in kept)


def test_no_secret_is_in_streams_the_models_input_logs_tables_or_error_pages(own_stack):
    model = RecordingModel()
    env = {"FUJIE_LLM_BASE_URL": model.url, "FUJIE_LLM_API_KEY": "canary-model-key-0123456789", "FUJIE_LLM_MODEL": "m"}
    stack = own_stack(env=env)
    model.target = f"{stack.cloud}/llm"
    seen = []
    known = {token_of(stack, "alice"), env["FUJIE_LLM_API_KEY"]}
    for user in ("alice", "bob"):
        someone = Person(stack, user).sign_in()
        for question in QUESTIONS:
            answer = someone.ask(question.en)
            if answer.status == "incomplete":
                seen.append(someone.allow(answer.consents[0]["connect_url"]).text)
                answer = someone.follow(answer)
            assert answer.status == "completed"
            seen += [json.dumps(event, ensure_ascii=False) for event in answer.events]
        known |= {
            cookie.value for cookie in someone.http.cookies.jar if len(cookie.value) >= 16 and "session" in cookie.name
        }
        for bad in (
            "/connect/nobody",
            "/callback?session_uri=x&state=y",
            "/auth/callback?code=c0dec0dec0dec0de&state=y",
            "/api/runs/x/events",
        ):
            page = someone.open(stack.url + bad)
            assert page.status_code >= 400, bad
            seen.append(page.text)
            assert "c0dec0dec0dec0de" not in page.text
        someone.close()
    known |= secrets_of_the_cloud(stack)
    places = {
        "streams and pages": "\n".join(seen),
        "the model's input": "\n".join(model.inputs),
        "logs": stack.logs(),
        "tables": tables(stack),
        "the request journal": json.dumps(stack.requests()),
    }
    model.close()
    assert len(known) > 20
    assert model.inputs
    for place, text in places.items():
        leaked = [secret[:6] + "…" for secret in known if secret in text]
        assert leaked == [], f"{len(leaked)} secrets in {place}"
        assert not re.search(r"eyJ[\w-]{20,}\.[\w-]+\.", SEALED.sub("", text)), f"a token in {place}"
