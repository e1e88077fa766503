import pytest

from fujie_emulator.core.call import ANONYMOUS, Caller, RpcCall
from fujie_emulator.core.errors import CloudError


def call(**params):
    return RpcCall("s", "A", params, ANONYMOUS, "R")


@pytest.mark.parametrize(("text", "value"), [("True", True), ("true", True), ("False", False), ("FALSE", False)])
def test_booleans_come_in_any_case(text, value):
    assert call(F=text).flag("F", default=not value) is value


def test_absent_parameters_have_their_defaults():
    assert call().text("T", required=False) == ""
    assert call().flag("F", default=True) is True
    assert call().integer("I", 7) == 7
    assert call().strings("L") == []
    assert call().document("D") == {}
    assert call().objects("O") == []


def test_lists_and_objects_are_one_json_string():
    assert call(L='["a","b"]').strings("L") == ["a", "b"]
    assert call(D='{"a":{"b":1}}').document("D") == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (lambda: call().text("T"), "MissingParameter.T"),
        (lambda: call().document("T", required=True), "MissingParameter.T"),
        (lambda: call(T="yes").flag("T"), "InvalidParameter.T"),
        (lambda: call(T="1.5").integer("T", 0), "InvalidParameter.T"),
        (lambda: call(T="٣").integer("T", 0), "InvalidParameter.T"),
        (lambda: call(T="9" * 30).integer("T", 0), "InvalidParameter.T"),
        (lambda: call(T="a,b").strings("T"), "InvalidParameter.T"),
        (lambda: call(T="[1]").strings("T"), "InvalidParameter.T"),
        (lambda: call(T="[]").document("T"), "InvalidParameter.T"),
        (lambda: call(T='["a"]').objects("T"), "InvalidParameter.T"),
        (lambda: call(T="[" * 100_000).document("T"), "InvalidParameter.T"),
    ],
)
def test_a_wrong_parameter_is_named(read, code):
    with pytest.raises(CloudError) as refused:
        read()
    assert (refused.value.code, refused.value.status) == (code, 400)


def test_neither_parameters_nor_policies_are_shown():
    shown = repr(RpcCall("s", "A", {"Token": "canary"}, Caller("role", session_policy={"x": "canary"}), "R"))
    assert "canary" not in shown
