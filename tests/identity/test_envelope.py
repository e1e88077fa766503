import hashlib
import json
import os

import pytest

from fujie.identity.envelope import HeldKeys, WrappingKey, digest, seal, unseal, wrapping_keys
from fujie.identity.errors import IdentityMisconfiguredError
from fujie.identity.keys import new_wrapping_key
from fujie.secret import Secret

SETTING = "FUJIE_SHARED_CACHE_KEY"
WORDS = {"user": "alice", "generation": 0}
TEXT = Secret("the credential")


def held(*jwks):
    return HeldKeys([wrapping_keys(jwk, setting=SETTING)[0] for jwk in jwks])


OLD, NEW = new_wrapping_key(), new_wrapping_key()


async def test_what_was_sealed_opens_under_the_same_words():
    sealed = await seal(held(OLD), TEXT, WORDS)
    assert await unseal(held(OLD), sealed, dict(reversed(WORDS.items()))) == TEXT
    assert "credential" not in sealed
    assert "alice" not in sealed


def test_words_have_the_same_name_in_every_instance_and_release():
    text = b'{"generation":0,"user":"alice","v":1}'
    assert digest(WORDS) == hashlib.sha256(text).hexdigest()


async def test_what_is_no_envelope_is_not_brought_to_the_key():
    class Untouched(HeldKeys):
        async def unwrap(self, wrapped, context):
            raise AssertionError(wrapped)

    for text in ("", "[]", '{"v": 1, "key": 7, "data": "x"}', '{"v": 2, "key": "k", "data": "x"}'):
        assert await unseal(Untouched(wrapping_keys(OLD, setting=SETTING)), text, WORDS) is None


async def test_no_two_envelopes_share_a_data_key_or_a_nonce():
    wrapper, seen = held(OLD), set()
    for _ in range(20):
        envelope = json.loads(await seal(wrapper, TEXT, WORDS))
        seen |= {envelope["key"], envelope["data"], await wrapper.unwrap(envelope["key"], digest(WORDS))}
    assert len(seen) == 60


@pytest.mark.parametrize("words", [{}, {"user": "bob", "generation": 0}, WORDS | {"generation": 1}, WORDS | {"x": ""}])
async def test_under_other_words_it_does_not_open_though_its_data_key_would(words):
    class Careless(HeldKeys):
        async def unwrap(self, wrapped, context):
            return await super().unwrap(wrapped, digest(WORDS))

    sealed = await seal(held(OLD), TEXT, WORDS)
    assert await unseal(held(OLD), sealed, words) is None
    assert await unseal(Careless([*wrapping_keys(OLD, setting=SETTING)]), sealed, words) is None
    assert await unseal(Careless([*wrapping_keys(OLD, setting=SETTING)]), sealed, WORDS) == TEXT


async def test_a_data_key_is_unwrapped_only_for_what_it_was_wrapped_for():
    wrapper = held(OLD)
    wrapped = await wrapper.wrap(b"k" * 32, "one")
    assert await wrapper.unwrap(wrapped, "one") == b"k" * 32
    assert await wrapper.unwrap(wrapped, "other") is None


async def test_while_keys_rotate_the_old_one_opens_and_the_new_one_seals():
    sealed = await seal(held(OLD), TEXT, WORDS)
    rotating = held(NEW, OLD)
    assert await unseal(rotating, sealed, WORDS) == TEXT
    newer = await seal(rotating, TEXT, WORDS)
    assert await unseal(held(NEW), newer, WORDS) == TEXT
    assert await unseal(held(NEW), sealed, WORDS) is None
    assert await unseal(held(OLD), newer, WORDS) is None


async def test_a_key_may_have_any_name():
    wrapper = HeldKeys([WrappingKey("2026:a", os.urandom(32))])
    assert await unseal(wrapper, await seal(wrapper, TEXT, WORDS), WORDS) == TEXT


async def test_a_key_of_the_same_name_is_not_the_same_key():
    sealed = await seal(HeldKeys([WrappingKey("k", os.urandom(32))]), TEXT, WORDS)
    assert await unseal(HeldKeys([WrappingKey("k", os.urandom(32))]), sealed, WORDS) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "not json",
        lambda _: "[" * 5000,
        lambda _: "[]",
        lambda _: "null",
        lambda sealed: json.dumps(json.loads(sealed) | {"v": 2}),
        lambda sealed: json.dumps(json.loads(sealed) | {"key": 7}),
        lambda sealed: json.dumps(json.loads(sealed) | {"key": ""}),
        lambda sealed: json.dumps(json.loads(sealed) | {"key": "no-such-kid:AAAA"}),
        lambda sealed: json.dumps(json.loads(sealed) | {"data": None}),
        lambda sealed: json.dumps(json.loads(sealed) | {"data": "é"}),
        lambda sealed: json.dumps(json.loads(sealed) | {"data": "AAAA"}),
        lambda sealed: json.dumps(json.loads(sealed) | {"data": json.loads(sealed)["data"] + "\n*"}),
        lambda sealed: sealed[:-10] + '"}',
        lambda sealed: sealed + " " * 70_000,
    ],
)
async def test_a_broken_envelope_is_none_and_no_error(spoil):
    assert await unseal(held(OLD), spoil(await seal(held(OLD), TEXT, WORDS)), WORDS) is None


async def test_a_flipped_bit_is_noticed_wherever_it_is():
    envelope = json.loads(await seal(held(OLD), TEXT, WORDS))
    for part in ("key", "data"):
        for place in range(-8, -1):
            text = list(envelope[part])
            text[place] = "A" if text[place] != "A" else "B"
            broken = json.dumps(envelope | {part: "".join(text)})
            assert await unseal(held(OLD), broken, WORDS) is None, (part, place)


async def test_a_data_key_of_another_length_is_none():
    class Short(HeldKeys):
        async def unwrap(self, wrapped, context):
            return b"k" * 16

    assert await unseal(Short(wrapping_keys(OLD, setting=SETTING)), await seal(held(OLD), TEXT, WORDS), WORDS) is None


def test_a_set_of_keys_keeps_its_order():
    jwk_set = Secret(json.dumps({"keys": [json.loads(NEW.reveal()), json.loads(OLD.reveal())]}))
    kids = [key.kid for key in wrapping_keys(jwk_set, setting=SETTING)]
    assert kids == [json.loads(NEW.reveal())["kid"], json.loads(OLD.reveal())["kid"]]


@pytest.mark.parametrize(
    "jwk",
    [
        "",
        "no-json-hunter2",
        "[]",
        '{"keys": []}',
        '{"keys": 7}',
        '{"kty": "oct", "k": "aHVudGVyMmh1bnRlcjJodW50ZXIy"}',
        '{"kty": "EC", "crv": "P-256"}',
        '{"kty": "oct"}',
    ],
)
def test_what_is_no_key_is_refused_by_the_settings_name_and_not_repeated(jwk):
    with pytest.raises(IdentityMisconfiguredError) as refused:
        wrapping_keys(Secret(jwk), setting=SETTING)
    assert SETTING in refused.value.message
    assert "hunter2" not in str(refused.value.as_dict())
    assert refused.value.repair == (
        'generate one: python -c "from fujie.identity.keys import *; print(new_wrapping_key().reveal())"'
    )


def test_two_keys_of_one_name_are_refused():
    jwk = json.loads(OLD.reveal())
    with pytest.raises(IdentityMisconfiguredError):
        wrapping_keys(Secret(json.dumps({"keys": [jwk, jwk]})), setting=SETTING)


def test_a_wrapping_key_does_not_show_itself():
    [key] = wrapping_keys(OLD, setting=SETTING)
    assert "key=" not in repr(key)
