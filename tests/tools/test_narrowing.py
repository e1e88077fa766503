import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie import STS
from fujie.tools.errors import ArgumentsInvalidError, ScopeWideningError, ToolMisconfiguredError
from fujie.tools.narrowing import Scope, checked_value, session_policy

READ = STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/users/{user}/files/{name}"])
ALICE = Scope("200000000000000001", "stack-bucket")


def test_a_policy_allows_the_one_object_of_this_user_and_this_argument():
    assert session_policy(READ, ALICE, {"name": "notes/今天.txt"}) == {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["oss:GetObject"],
                "Resource": ["acs:oss:*:*:stack-bucket/users/200000000000000001/files/notes/今天.txt"],
            }
        ],
    }


WIDENING = [
    "../bob", "a/../../bob", "..", ".", "a/./b", "*", "notes*", "not?s.txt", "", " ", "/etc", "a/", "a//b", "a\\b",
    "${acs:username}", "{user}", "a\x00", "a\nb", "\ud800", "x" * 1024, None, True, ["a"], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", WIDENING, ids=repr)
def test_a_value_that_would_widen_the_policy_is_refused(value):
    with pytest.raises(ScopeWideningError, match="name"):
        session_policy(READ, ALICE, {"name": value})


def test_a_missing_argument_is_refused():
    with pytest.raises(ScopeWideningError):
        session_policy(READ, ALICE, {})


@pytest.mark.parametrize("user_id", ["", "*", "alice/../bob", "alice/bob"])
def test_a_user_id_that_is_not_plain_is_refused(user_id):
    with pytest.raises(ScopeWideningError):
        session_policy(READ, Scope(user_id, "stack-bucket"), {"name": "a"})


def test_an_argument_cannot_name_another_user_or_bucket():
    policy = session_policy(READ, ALICE, {"name": "a", "user": "bob", "bucket": "other"})
    assert policy["Statement"][0]["Resource"] == ["acs:oss:*:*:stack-bucket/users/200000000000000001/files/a"]


def test_a_stack_without_a_bucket_says_which_setting():
    with pytest.raises(ToolMisconfiguredError) as refused:
        session_policy(READ, Scope("1", ""), {"name": "a"})
    assert "FUJIE_OSS_BUCKET" in refused.value.repair


def test_a_policy_longer_than_sts_takes_is_refused():
    with pytest.raises(ArgumentsInvalidError):
        session_policy(STS(["a:B"], ["acs:x:::{n}"] * 3), ALICE, {"n": "x" * 900})


@given(st.text(max_size=60))
def test_whatever_passes_stays_inside_its_folder(text):
    try:
        value = checked_value("name", text)
    except ScopeWideningError:
        return
    assert value == text
    assert not set(value) & set("*?\\$\0\n")
    assert all(part not in {"", ".", ".."} for part in value.split("/"))
