"""Bodies made to break whoever reads, keeps or answers them."""

import pytest

from tests.agents.doubles import FakeTools, ScriptedMind
from tests.functions.process_world import ProcessWorld

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
