"""What a person has allowed: one answer for all that wait, seen, taken back, asked for anew; and its ledger."""

import pytest
from typer.testing import CliRunner

from fujie.cli.app import app
from tests.e2e.questions import BY_NAME

pytestmark = pytest.mark.e2e

TIME = BY_NAME["time"].en


def test_one_allow_answers_two_conversations_and_a_withdrawal_asks_again(own_stack, person):
    stack = own_stack()
    alice = person("alice", on=stack)
    one, two = alice.ask(TIME), alice.ask(TIME)
    assert [one.status, two.status] == ["incomplete", "incomplete"]
    assert alice.allow(one.consents[0]["connect_url"]).status_code == 200
    assert [alice.follow(answer).status for answer in (one, two)] == ["completed", "completed"]

    (grant,) = alice.http.get(f"{stack.url}/api/grants").json()["grants"]
    assert (grant["provider"], [scope["name"] for scope in grant["scopes"]]) == ("time", ["time.read"])
    assert grant["last_used_at"] >= grant["granted_at"]
    gone = alice.http.delete(f"{stack.url}/api/grants/{grant['id']}", headers=alice.csrf())
    assert gone.json() == {"at_provider": "unreached"}, "only the vault has the client's secret"

    again = alice.ask(TIME)
    assert again.status == "incomplete"
    alice.allow(again.consents[0]["connect_url"])
    assert alice.follow(again).status == "completed"

    before = stack.last_request()
    assert alice.http.post(f"{stack.url}/auth/logout", headers=alice.csrf()).status_code == 204
    assert ("Revoke", 200) in [(row["action"], row["status"]) for row in stack.requests(before)]

    state = str(stack.state)
    assert CliRunner().invoke(app, ["audit", "verify", "--state", state]).output.startswith("7 entries")
    told = CliRunner().invoke(app, ["audit", "tail", "--state", state]).output.splitlines()
    outcomes = [("asked" in line, "issued" in line) for line in told]
    assert sorted(outcomes) == [(False, False)] + [(False, True)] * 3 + [(True, False)] * 3
    assert len([line for line in told if "withdrawn  client_has_a_secret" in line]) == 1


def test_a_withdrawal_is_told_to_a_provider_that_knows_this_stack_without_a_secret(own_stack, person):
    """Alibaba Cloud's own sign-in: its MCP server refuses the token from then on."""
    stack = own_stack()
    alice = person("alice", on=stack)
    first = alice.ask(BY_NAME["instances"].en)
    alice.allow(first.consents[0]["connect_url"])
    assert alice.follow(first).status == "completed"
    (grant,) = alice.http.get(f"{stack.url}/api/grants").json()["grants"]

    before = stack.last_request()
    gone = alice.http.delete(f"{stack.url}/api/grants/{grant['id']}", headers=alice.csrf())
    assert gone.json() == {"at_provider": "revoked"}
    asked = [(row["service"], row["action"], row["status"]) for row in stack.requests(before)]
    assert ("signin", "Revoke", 200) in asked
    told = CliRunner().invoke(app, ["audit", "tail", "-n", "1", "--state", str(stack.state)]).output
    assert "withdrawn  revoked" in told
    assert alice.ask(BY_NAME["instances"].en).status == "incomplete"
