"""Bodies made to break whoever reads, keeps or answers them."""

import asyncio

import pytest

from functions.chat.headers import BodyLimit
from tests.agents.doubles import FakeTools, ScriptedMind
from tests.functions.process_world import ProcessWorld, question
from tests.functions.test_callback import Callback
from tests.functions.test_chat import made

TEXT = '{"type":"text","text":"hi"}'
OUTSIDE = '{"input":[{"role":"user","content":[TEXT]}],"x":{"y":NEST}}'.replace("TEXT", TEXT)
INSIDE = '{"input":[{"role":"user","content":[{"type":"data","data":{"y":NEST}},TEXT]}]}'.replace("TEXT", TEXT)


@pytest.mark.parametrize("depth", [150, 199, 201, 252, 256, 600, 900, 990, 20_000])
@pytest.mark.parametrize("body", [OUTSIDE, INSIDE])
async def test_nesting_ends_in_an_answer_or_a_refusal_and_never_in_a_run_that_hangs(depth, body):
    """Hurt: Alice herself, whose conversation would stay busy; and the log, with a traceback for each such body."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    answer = await process.ask(body.replace("NEST", "[" * depth + "]" * depth).encode())
    assert answer.status_code == 422 or '"status":"completed"' in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"input":[{"role":"user","content":[%s]}],"x":"\\ud800"}' % TEXT.encode(),
        b'{"input":[{"role":"user","content":[%s]}],"x":"\xed\xa0\x80"}' % TEXT.encode(),
        b'{"input":[{"role":"user","content":[{"type":"data","data":{"a":"\\ud800"}},%s]}]}' % TEXT.encode(),
        b'{"input":[{"role":"user","content":[%s]}],"metadata":{"\\ud800":1}}' % TEXT.encode(),
    ],
)
async def test_half_a_surrogate_pair_is_refused_wherever_it_stands(body):
    """Hurt: the log and whoever watches it: each such body was a 500."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    assert (await process.ask(body)).status_code == 422


@pytest.mark.parametrize("path", ["/callback_for_oauth", "/api/chat", "/chat", "/auth/logout"])
async def test_a_body_that_comes_drop_by_drop_does_not_keep_its_place(path):
    """Hurt: everybody on the instance, whose places visitors without a session could hold for ever."""
    drops, sent = [{"type": "http.request", "body": b"{", "more_body": True}], []

    async def receive():
        return drops.pop() if drops else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    chat = await made()
    headers = [(b"content-type", b"application/json"), (b"cookie", b"fujie_session=alice-cookie")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": "", "client": None}
    app = BodyLimit(chat.app, read_s=0.01)
    async with asyncio.timeout(5):
        await app(scope, receive, send)
    assert sent[0]["status"] == (408 if path != "/auth/logout" else 403)


async def test_a_title_is_one_plain_line_whatever_was_asked():
    """Hurt: Alice, whose list of chats a pasted text would turn around, or whose PostgreSQL refuses the NUL."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    asked = "a\x00b\u202egnp.exe\x1b[31m\u2066 天气 \U0001f600" + "x" * 500
    answer = await process.ask(question(asked, session_id="s"))
    assert '"status":"completed"' in answer.text
    title = (await process.store.conversation("s")).title
    assert title.startswith("abgnp.exe[31m 天气 \U0001f600xxx")
    assert title.isprintable()
    assert len(title) <= 80


@pytest.mark.parametrize("name", ["%00", "a%00b", "%C3%A9", "x" * 500, "%0d%0aset-cookie:x"])
@pytest.mark.parametrize("path", ["/api/runs/{}/events", "/api/conversations/{}"])
async def test_an_id_that_no_id_looks_like_does_not_reach_the_store(name, path):
    """Hurt: the log, were each a refusal of PostgreSQL (which takes no NUL) and a 500."""
    chat = await made()
    async with chat.browser("alice-cookie") as alice:
        answer = await alice.get(path.format(name))
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", ["%00", "a%00b", "%C3%A9", "x" * 500])
async def test_nor_does_a_link_that_no_link_looks_like(name):
    """Hurt: as above."""
    callback = Callback()
    async with callback.browser("") as visitor:
        assert (await visitor.get(f"/connect/{name}")).status_code == 400
