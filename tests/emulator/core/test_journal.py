import pytest

from fujie_emulator.core.journal import KEPT, MOST_QUESTIONS, Journal, fingerprint, note, note_question


@pytest.fixture
def journal(cloud):
    return Journal(cloud.clock)


def test_a_service_fills_the_row_of_its_request(journal):
    with journal.entry() as entry:
        note(service="oss", action="GetObject", credential_fingerprint=fingerprint("token"))
        journal.keep(entry)
    (row,) = journal.after(0)
    assert (row["service"], row["action"], row["seq"]) == ("oss", "GetObject", 1)
    assert row["credential_fingerprint"] == "3c469e9d6c58"


def test_a_row_that_no_service_claims_is_left_out(journal):
    with journal.entry() as entry:
        journal.keep(entry)
    assert journal.after(0) == []


def test_a_row_is_kept_once(journal):
    with journal.entry("oss", "GetObject") as entry:
        journal.keep(entry)
        journal.keep(entry)
    assert len(journal.after(0)) == 1


def test_rows_of_two_requests_do_not_mix(journal):
    with journal.entry("a") as outer:
        with journal.entry("b"):
            note(code="inner")
        note(code="outer")
    assert outer.code == "outer"


def test_a_note_outside_a_request_goes_nowhere(journal):
    note(service="x")
    assert journal.after(0) == []


def test_a_row_has_no_other_fields(journal):
    with journal.entry(), pytest.raises(AttributeError, match="password"):
        note(password="x")


def test_only_the_last_rows_are_kept(journal):
    for _ in range(KEPT + 3):
        with journal.entry("s", "A") as entry:
            journal.keep(entry)
    rows = journal.after(0)
    assert (len(rows), rows[0]["seq"]) == (KEPT, 4)


def test_a_row_keeps_what_ram_was_asked_up_to_a_limit(journal):
    with journal.entry("oss", "DeleteMultipleObjects") as entry:
        for number in range(MOST_QUESTIONS + 3):
            note_question("oss:DeleteObject", [f"acs:oss:*:1:b/{number}"])
        journal.keep(entry)
    (row,) = journal.after(0)
    assert len(row["asked"]) == MOST_QUESTIONS
    assert row["asked"][0] == {"action": "oss:DeleteObject", "resources": ["acs:oss:*:1:b/0"]}


def test_a_question_outside_a_request_goes_nowhere(journal):
    note_question("oss:GetObject", ["*"])
    assert journal.after(0) == []
