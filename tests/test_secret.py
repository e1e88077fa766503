import copy
import pickle
from dataclasses import asdict, dataclass

import msgspec
import pytest

from fujie.secret import Secret
from fujie.settings import LlmSettings

SECRET = Secret("canary")


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, "{:>40}".format])
def test_it_shows_a_mask(show):
    assert show(SECRET) == "Secret(***)"


@dataclass
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "take",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        msgspec.to_builtins,
        msgspec.json.encode,
        lambda secret: asdict(Holder(secret)),
        lambda secret: msgspec.to_builtins(LlmSettings("http://model", secret, "m")),
    ],
)
def test_nothing_that_takes_things_apart_gets_at_it(take):
    with pytest.raises(TypeError) as refused:
        take(SECRET)
    assert "canary" not in str(refused.value)


def test_it_does_not_change():
    with pytest.raises(AttributeError):
        SECRET._value = "another"
    assert SECRET.reveal() == "canary"


def test_equal_ones_are_equal_and_have_one_fingerprint():
    assert Secret("canary") == SECRET != Secret("another")
    assert hash(Secret("canary")) == hash(SECRET)
    assert SECRET.fingerprint() == Secret("canary").fingerprint() != Secret("another").fingerprint()
