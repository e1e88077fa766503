"""The main job: six questions in two languages, each answered with a real credential of the right kind."""

import pytest

from tests.e2e.questions import BY_NAME, QUESTIONS

pytestmark = pytest.mark.e2e


def answered(someone, message):
    """Ask, and allow whatever is asked for, until the answer is there."""
    answer = someone.ask(message)
    while answer.status == "incomplete":
        someone.allow(answer.consents[-1]["connect_url"])
        answer = someone.follow(answer)
    return answer


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("user", ["alice", "bob"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_is_answered_with_its_kind_of_credential(person, user, language, question):
    answer = answered(person(user, language), getattr(question, language))
    assert answer.status == "completed"
    assert any(shown in answer.text for shown in question.shows), answer.text
    metadata = dict(answer.tools)[question.tool]
    assert metadata["ok"] is True
    assert metadata["credential"]["kind"] == question.credential
    if question.credential != "api_key":
        assert metadata["credential"]["user"] == user
        assert metadata["credential"]["expires_at"]


def test_a_question_that_the_scripted_model_cannot_help_with_is_answered_plainly(person):
    answer = person("alice").ask("Compose a sonnet about rivers")
    assert answer.status == "completed"
    assert "script" in answer.text.lower().split(".")[0]


def test_the_answer_arrives_in_pieces(person):
    answer = person("alice").ask(BY_NAME["weather"].en)
    deltas = [event for event in answer.events if event["object"] == "content" and event.get("delta") is True]
    assert len(deltas) > 3
    numbers = [event["sequence_number"] for event in answer.events]
    assert numbers == list(range(len(numbers)))


def test_a_follow_up_stays_in_the_same_conversation(person):
    alice = person("alice")
    first = alice.ask(BY_NAME["weather"].en)
    second = alice.ask(BY_NAME["schedule"].en, first.conversation_id)
    assert second.conversation_id == first.conversation_id
    listed = alice.http.get(f"{alice.stack.url}/api/conversations/{first.conversation_id}").json()
    assert [run["status"] for run in listed["runs"]] == ["completed", "completed"]
