"""A question that needs the user's permission pauses, costs nothing while it waits, and goes on by itself."""

import time

import pytest

from tests.e2e.person import Person, forms_of
from tests.e2e.questions import BY_NAME

pytestmark = pytest.mark.e2e

TIME, DOCUMENT = BY_NAME["time"].en, BY_NAME["document"].en


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack in which nobody has consented to anything; shadows the shared one for this module."""
    from tests.e2e.running import RunningStack

    running = RunningStack(tmp_path_factory.mktemp("consent")).start()
    yield running
    running.stop()
    assert running.outside_connections() == ""


def test_consent_from_pause_to_answer(stack, person):
    alice = person("alice")
    answer = alice.ask(TIME)
    assert answer.status == "incomplete"
    (consent,) = answer.consents
    assert consent["provider"] == "time"
    assert consent["tool"] == "get_current_time"
    assert consent["reason"]
    assert consent["scopes"][0]["name"] == "time.read"
    assert consent["connect_url"].startswith(f"{stack.url}/connect/")

    in_flight = {name: state["in_flight"] + state["queued"] for name, state in stack.functions().items()}
    assert {name: in_flight[name] for name in ("process", "tool", "callback")} == dict.fromkeys(
        ("process", "tool", "callback"), 0
    )

    done = alice.allow(consent["connect_url"])
    assert done.status_code == 200
    whole = alice.follow(answer)
    assert whole.status == "completed"
    assert whole.outcomes == ["completed"]

    again = alice.ask(TIME)
    assert again.status == "completed"
    assert again.consents == []

    bobs = person("bob").ask(TIME)
    assert bobs.status == "incomplete"


def test_deny_is_answered_in_words_and_the_conversation_lives_on(person):
    alice = person("alice")
    answer = alice.ask(DOCUMENT)
    alice.deny(answer.consents[0]["connect_url"])
    whole = alice.follow(answer)
    assert whole.status == "completed"
    assert whole.outcomes == ["denied"]
    assert whole.text
    assert alice.ask(BY_NAME["weather"].en, answer.conversation_id).status == "completed"


def test_denying_at_the_provider_is_a_denial_too(person):
    alice = person("alice")
    answer = alice.ask(DOCUMENT)
    ours = alice.open(answer.consents[0]["connect_url"])
    theirs = alice.press(ours, "Allow")
    assert theirs.url.host == "127.0.0.1"
    alice.press(theirs, "Deny")
    assert alice.follow(answer).outcomes == ["denied"]


def test_cancel_is_answered_and_the_conversation_lives_on(person):
    alice = person("alice")
    answer = alice.ask(DOCUMENT)
    assert alice.cancel(answer).status_code == 202
    assert alice.follow(answer).status == "canceled"
    page = alice.open(answer.consents[0]["connect_url"])
    assert page.status_code in {404, 409, 410}
    assert alice.ask(BY_NAME["weather"].en, answer.conversation_id).status == "completed"


def test_a_forwarded_link_is_useless_to_another_user(stack, person):
    alice, bob = person("alice"), person("bob")
    answer = alice.ask(DOCUMENT)
    link = answer.consents[0]["connect_url"]
    page = bob.open(link)
    assert page.status_code == 403
    assert "Allow" not in page.text
    before = stack.last_request()
    form = forms_of(alice.open(link).text)[0]
    name, value = form.buttons["Allow"]
    stolen = {field: bob.me()["csrf_token"] if "csrf" in field else known for field, known in form.hidden.items()}
    forced = bob.http.post(link, data=stolen | {name: value}, headers={"origin": stack.url})
    assert forced.status_code == 403
    assert not [row for row in stack.requests(before) if row["action"] == "CompleteResourceTokenAuth"]
    assert alice.open(link).status_code == 200
    alice.deny(link)


def test_a_return_in_another_browser_stores_nothing(stack, person):
    """Alice presses Allow; somebody else's browser finishes at the provider."""
    alice, bob = person("alice"), person("bob")
    answer = alice.ask(DOCUMENT)
    ours = alice.open(answer.consents[0]["connect_url"])
    theirs = alice.press(ours, "Allow")
    alice.http.follow_redirects = False
    back_to_cloud = alice.press(theirs, "Allow")
    back_to_us = alice.http.get(back_to_cloud.headers["location"])
    before = stack.last_request()
    refused = bob.open(back_to_us.headers["location"])
    assert refused.status_code == 403
    assert not [row for row in stack.requests(before) if row["action"] == "CompleteResourceTokenAuth"]
    alice.http.follow_redirects = True
    assert alice.open(back_to_us.headers["location"]).status_code == 200
    assert alice.follow(answer).status == "completed"


def test_a_return_cannot_be_replayed(person):
    bob = person("bob")
    answer = bob.ask(DOCUMENT)
    theirs = bob.press(bob.open(answer.consents[0]["connect_url"]), "Allow")
    bob.http.follow_redirects = False
    back = bob.http.get(bob.press(theirs, "Allow").headers["location"]).headers["location"]
    assert bob.open(back).status_code == 200
    assert bob.open(back).status_code in {404, 409, 410}


def test_two_tabs_of_the_same_person_both_hear_of_it(stack):
    first = Person(stack, "bob").sign_in()
    answer = first.ask(BY_NAME["instances"].en)
    second = Person(stack, "bob").sign_in()
    first.allow(answer.consents[0]["connect_url"])
    assert second.follow(answer).status == "completed"
    first.close()
    second.close()


def test_expiry_is_answered_in_words_and_the_link_is_dead(stack, person):
    """Last in this module: it moves the clock of the whole stack."""
    alice = person("alice")
    answer = alice.ask(BY_NAME["instances"].en)
    stack.advance_clock(11 * 60)
    time.sleep(0.3)
    whole = alice.follow(answer)
    assert whole.outcomes == ["expired"]
    assert whole.status == "completed"
    assert alice.open(answer.consents[0]["connect_url"]).status_code in {404, 409, 410}
    assert alice.ask(BY_NAME["weather"].en, answer.conversation_id).status == "completed"
