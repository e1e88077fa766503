"""Tokens are found by what they cover, and the least recently used user gives way."""

import pytest

from fujie_emulator.agentidentitydata import vault
from fujie_emulator.agentidentitydata.upstream import TokenAnswer


def keep(cloud, owner, token, *scopes, **fields):
    return vault.keep(cloud, "calendar", owner, TokenAnswer(token, f"r-{token}", 3600, scopes), **fields)


@pytest.mark.parametrize(
    ("asked", "found"),
    [(("a",), "ab"), (("b", "a"), "ab"), ((), "c"), (("c",), "c"), (("a", "c"), None), (("d",), None)],
)
def test_the_newest_token_that_covers_the_scopes_is_found(cloud, asked, found):
    keep(cloud, "alice", "ab", "a", "b")
    keep(cloud, "alice", "c", "c")
    token = vault.find(cloud, "calendar", "alice", asked)
    assert (token.access_token if token else None) == found


def test_tokens_are_of_one_user_and_one_provider(cloud):
    keep(cloud, "alice", "a", "s")
    assert vault.find(cloud, "calendar", "bob", ("s",)) is None
    assert vault.find(cloud, "other", "alice", ("s",)) is None


def test_a_wider_token_replaces_a_narrower_one(cloud):
    keep(cloud, "alice", "old", "a")
    keep(cloud, "alice", "new", "a", "b")
    assert vault.find(cloud, "calendar", "alice", ("a",)).access_token == "new"
    assert "old" not in str(cloud.store.list("agentidentitydata", "vault/calendar"))


def test_a_refresh_without_a_new_refresh_token_keeps_the_old(cloud):
    old = keep(cloud, "alice", "old", "a")
    new = vault.keep(cloud, "calendar", "alice", TokenAnswer("new", "", 60, ("a",)), replaces=old)
    assert new.refresh_token == "r-old"


def test_the_least_recently_used_user_gives_way(cloud, monkeypatch):
    monkeypatch.setattr(vault, "USERS_PER_PROVIDER", 2)
    for user in ("first", "second"):
        keep(cloud, user, user, "s")
        cloud.clock.advance(1)
    vault.find(cloud, "calendar", "first", ("s",))
    cloud.clock.advance(1)
    keep(cloud, "third", "third", "s")
    present = [bool(vault.find(cloud, "calendar", user, ("s",))) for user in ("first", "second", "third")]
    assert present == [True, False, True]


def test_only_users_with_something_to_refresh_count(cloud, monkeypatch):
    monkeypatch.setattr(vault, "USERS_PER_PROVIDER", 1)
    keep(cloud, "first", "first", "s")
    vault.keep(cloud, "calendar", "short", TokenAnswer("short", "", 60, ("s",)))
    vault.keep(cloud, "calendar", "workload/arn", TokenAnswer("machine", "", 60, ("s",)))
    assert vault.find(cloud, "calendar", "first", ("s",))
    keep(cloud, "second", "second", "s")
    kept = {owner for owner, _ in cloud.store.list("agentidentitydata", "vault/calendar")}
    assert kept == {"short", "workload/arn", "second"}


def test_the_thousand_and_first_user_costs_the_one_who_was_away_longest(cloud):
    with cloud.store.transaction():
        for number in range(vault.USERS_PER_PROVIDER):
            doc = {"scopes": ["s"], "access_token": "a", "refresh_token": "r", "expires_at": 1.0}
            kept = {"used_at": float(number), "tokens": [doc]}
            cloud.store.put("agentidentitydata", "vault/calendar", f"user-{number}", kept)
    assert vault.find(cloud, "calendar", "user-0", ("s",))
    keep(cloud, "new", "new", "s")
    assert vault.find(cloud, "calendar", "user-1", ("s",)) is None
    assert all(vault.find(cloud, "calendar", user, ("s",)) for user in ("user-0", "user-2", "user-999", "new"))


def test_a_user_whose_last_token_went_leaves_nothing_behind(cloud):
    vault.forget(cloud, "calendar", "alice", keep(cloud, "alice", "a", "s"))
    assert cloud.store.list("agentidentitydata", "vault/calendar") == []


def test_its_repr_shows_no_secret(cloud):
    assert "tok" not in repr(keep(cloud, "alice", "tok-en", "s"))
