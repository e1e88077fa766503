"""A pause outlives the user's sign-in: the delegation is renewed; where it cannot be, the user signs in again."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import httpx2
import pytest

from fujie.identity.delegation import Opener, row_id_of
from fujie.identity.rows import Delegation, User
from fujie.secret import Secret
from tests.e2e.questions import BY_NAME
from tests.e2e.running import RunningStack

pytestmark = pytest.mark.e2e

TIME, DOCUMENT, WEATHER = BY_NAME["time"].en, BY_NAME["document"].en, BY_NAME["weather"].en
ALMOST_AN_HOUR_S = 57 * 60
"""An id_token lives an hour: this one ends while the request for permission, which lives ten minutes, still stands."""
PAUSE_S = 6 * 60
"""Also longer than a workload access token lives."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack whose clock is moved; shadows the shared one for this module."""
    running = RunningStack(tmp_path_factory.mktemp("pause")).start()
    yield running
    running.stop()
    assert running.outside_connections() == ""


@pytest.fixture
def paused(stack, person):
    """A function that returns a person, and an answer that waits for their permission when the hour is nearly over."""

    def pause(user, question):
        someone = person(user)
        stack.advance_clock(ALMOST_AN_HOUR_S)
        answer = someone.ask(question)
        assert answer.status == "incomplete"
        return someone, answer

    return pause


def test_id_token_and_workload_token_end_during_the_pause_and_the_run_goes_on(stack, paused):
    alice, answer = paused("alice", TIME)
    before = stack.last_request()
    stack.advance_clock(PAUSE_S)
    assert alice.allow(answer.consents[0]["connect_url"]).status_code == 200
    whole = alice.follow(answer)
    assert (whole.status, whole.outcomes) == ("completed", ["completed"])
    assert whole.tools[-1][1]["credential"]["user"] == "alice"
    asked = [row["action"] for row in stack.requests(before)]
    assert "GetWorkloadAccessTokenForJWT" in asked
    assert not {"GetWorkloadAccessToken", "GetWorkloadAccessTokenForUserId"} & set(asked)


def test_two_hours_later_the_run_says_that_it_is_late_and_the_next_question_is_answered(stack, paused):
    bob, answer = paused("bob", DOCUMENT)
    stack.advance_clock(2 * 3600)
    whole = bob.follow(answer)
    assert (whole.status, whole.outcomes) == ("completed", ["expired"])
    again = bob.ask(DOCUMENT, answer.conversation_id)
    assert again.status == "incomplete"
    assert bob.allow(again.consents[0]["connect_url"]).status_code == 200
    assert bob.follow(again).status == "completed"


def test_without_a_way_to_renew_it_the_user_is_asked_to_sign_in_again_and_then_it_works(stack, paused):
    """Somebody has ended the sign-in at its issuer; the browser still has its session with us."""
    alice, answer = paused("alice", DOCUMENT)
    before = stack.last_request()
    revoke(stack, refresh_token_of(stack, answer.run_id))
    stack.advance_clock(PAUSE_S)

    page = alice.allow(answer.consents[0]["connect_url"])
    assert page.status_code == 401
    assert "Sign in again" in page.text
    whole = alice.follow(answer)
    assert (whole.status, whole.outcomes) == ("completed", ["cancelled"])
    assert whole.tools[-1][1]["error_code"] == "sign_in_again"
    assert "sign in again" in whole.text.lower()

    still_there = alice.ask(WEATHER, answer.conversation_id)
    assert (still_there.status, still_there.tools[0][1]["error_code"]) == ("completed", "sign_in_again")
    asked = [row["action"] for row in stack.requests(before)]
    assert not [action for action in asked if action.startswith(("GetWorkloadAccessToken", "GetResource"))]

    alice.sign_in()
    again = alice.ask(DOCUMENT, answer.conversation_id)
    assert alice.allow(again.consents[0]["connect_url"]).status_code == 200
    assert alice.follow(again).status == "completed"


def refresh_token_of(stack, run_id):
    """Return the refresh token with which the stack would renew the run's delegation: the test has the stack's keys."""
    with closing(sqlite3.connect(stack.state / "fujie.db")) as database:
        (handed,) = database.execute("SELECT delegation_id FROM runs WHERE id = ?", (run_id,)).fetchone()
        row = "SELECT id, tenant, user_id, user_name, session_hash, sealed FROM delegations WHERE id = ?"
        id_, *user, session, sealed = database.execute(row, (row_id_of(handed),)).fetchone()
    keys = json.loads((stack.state / "keys.json").read_text())
    now = datetime.now(UTC)
    kept = Delegation(id_, User(*user), session, sealed, now, now)
    return Opener(Secret(keys["sealing"]["private"])).open(kept, handed).refresh_token


def revoke(stack, token):
    with httpx2.Client(trust_env=False) as http:
        endpoint = http.get(f"{stack.cloud}/oauth/.well-known/openid-configuration").json()["revocation_endpoint"]
        login = http.get(f"{stack.url}/auth/login").headers["location"]
        form = {"token": token.reveal(), "client_id": httpx2.URL(login).params["client_id"]}
        assert http.post(endpoint, data=form).status_code == 200
