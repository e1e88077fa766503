"""A consent session moves one way, once, and for ten minutes."""

import pytest

from fujie_emulator.agentidentitydata import sessions
from fujie_emulator.agentidentitydata.sessions import Asked
from fujie_emulator.agentidentitydata.wat import UserContext, WorkloadAccess
from fujie_emulator.core.errors import CloudError

ACCESS = WorkloadAccess("demo", "arn", UserContext("jwt", "alice", "issuer"))


@pytest.fixture
def session(cloud):
    return sessions.start(cloud, ACCESS, Asked("calendar", ("read",), "http://localhost/cb"))


def returned(cloud, session, code="code-1"):
    _, state = sessions.open_link(cloud, session.uri)
    return sessions.take_return(cloud, state, provider="calendar", code=code)


def refused(action, *args, **kwargs):
    with pytest.raises(CloudError) as caught:
        action(*args, **kwargs)
    assert caught.value.code == "InvalidParameter.SessionURI"


def test_its_uri_is_a_request_uri(session):
    assert session.uri.startswith("urn:ietf:params:oauth:request_uri:")


def test_the_link_opens_once(cloud, session):
    sessions.open_link(cloud, session.uri)
    refused(sessions.open_link, cloud, session.uri)


def test_the_state_is_taken_once_and_only_for_its_provider(cloud, session):
    _, state = sessions.open_link(cloud, session.uri)
    refused(sessions.take_return, cloud, state, provider="other", code="c")
    assert sessions.take_return(cloud, state, provider="calendar", code="c").status == "returned"
    refused(sessions.take_return, cloud, state, provider="calendar", code="c")


def test_the_code_is_taken_once_and_not_kept(cloud, session):
    assert returned(cloud, session).code == "code-1"
    assert sessions.take_code(cloud, session.uri).code == "code-1"
    refused(sessions.take_code, cloud, session.uri)
    assert "code-1" not in str(cloud.store.list("agentidentitydata", "session"))


def test_a_return_without_code_fails_it(cloud, session):
    assert returned(cloud, session, code="").wire_status == "FAILED"
    refused(sessions.take_code, cloud, session.uri)


def test_every_step_ends_after_ten_minutes(cloud):
    begun, opened, back = (sessions.start(cloud, ACCESS, Asked("calendar", ())) for _ in range(3))
    _, state = sessions.open_link(cloud, opened.uri)
    returned(cloud, back)
    cloud.clock.advance(600)
    refused(sessions.open_link, cloud, begun.uri)
    refused(sessions.take_return, cloud, state, provider="calendar", code="c")
    refused(sessions.take_code, cloud, back.uri)
    assert sessions.find(cloud, back.uri).wire_status == "FAILED"


def test_a_completed_one_stays_completed(cloud, session):
    returned(cloud, session)
    sessions.complete(cloud, sessions.take_code(cloud, session.uri), ("read",))
    cloud.clock.advance(700)
    assert sessions.find(cloud, session.uri).wire_status == "COMPLETED"


def test_old_ones_are_forgotten(cloud, session):
    cloud.clock.advance(600 + 3600 + 1)
    sessions.start(cloud, ACCESS, Asked("calendar", ()))
    refused(sessions.find, cloud, session.uri)


@pytest.mark.parametrize("uri", ["", "urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:x", "x"])
def test_an_unknown_uri_is_refused(cloud, uri):
    refused(sessions.find, cloud, uri)
    refused(sessions.open_link, cloud, uri)


def test_its_repr_shows_no_secret(cloud, session):
    back = returned(cloud, session)
    assert back.verifier
    assert back.verifier not in repr(back)
    assert "code-1" not in repr(back)
