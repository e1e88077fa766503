import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.identity.errors import IdentityMisconfiguredError
from fujie.identity.internal import InternalMinter, InternalVerifier, arguments_hash
from fujie.identity.keys import new_signing_key

CHAT, PROCESS = new_signing_key(), new_signing_key()


def test_a_token_says_who_speaks_and_about_what(clock):
    token = InternalMinter("process", PROCESS[0], now=clock).mint(
        "tool",
        delegation_id="d",
        run_id="r",
        tool="get_weather",
        call_id="c",
        arguments_hash=arguments_hash({"city": "杭州"}),
        act={"sub": "chat"},
    )
    caller = InternalVerifier("tool", {"process": PROCESS[1]}, ["process"], now=clock).verify(token)
    assert (caller.function, caller.delegation_id, caller.run_id) == ("process", "d", "r")
    assert (caller.tool, caller.call_id) == ("get_weather", "c")
    assert caller.arguments_hash == arguments_hash({"city": "杭州"})
    assert caller.act == {"sub": "process", "act": {"sub": "chat"}}


def test_keys_rotate_by_a_set(clock):
    import json

    old, new = new_signing_key(), new_signing_key()
    both = json.dumps({"keys": [json.loads(new[1]), json.loads(old[1])]})
    verifier = InternalVerifier("process", {"chat": both}, ["chat"], now=clock)
    for private, _ in (old, new):
        token = InternalMinter("chat", private, now=clock).mint("process", delegation_id="d")
        assert verifier.verify(token).function == "chat"


@pytest.mark.parametrize(("function", "minters"), [("", ["chat"]), ("process", []), ("process", "chat")])
def test_a_verifier_without_minters_is_refused(function, minters):
    with pytest.raises(IdentityMisconfiguredError):
        InternalVerifier(function, {"chat": CHAT[1]}, minters)


def test_the_hash_knows_no_order_and_every_value():
    assert arguments_hash({"a": 1, "b": [1, 2]}) == arguments_hash({"b": [1, 2], "a": 1})
    assert arguments_hash({"a": 1}) != arguments_hash({"a": "1"})


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), min_size=1))
def test_two_different_calls_never_share_a_hash(arguments):
    name = next(iter(arguments))
    changed = arguments | {name: [arguments[name]]}
    assert arguments_hash(arguments) != arguments_hash(changed)
    assert arguments_hash(arguments) == arguments_hash(dict(reversed(arguments.items())))
