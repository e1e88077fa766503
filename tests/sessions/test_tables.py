import pytest

from fujie.sessions import tables
from tests.sessions.rows import ADDRESS, ATTEMPT, CONSENT, CONVERSATION, DELEGATION, RUN, SEALED, SESSION

EVERY_ROW = {
    "LOGIN_ATTEMPTS": ATTEMPT,
    "BROWSER_SESSIONS": SESSION,
    "DELEGATIONS": DELEGATION,
    "CONVERSATIONS": CONVERSATION,
    "RUNS": RUN,
    "CONSENTS": CONSENT,
    "SHARED_CREDENTIALS": SEALED,
    "PUSH_ADDRESSES": ADDRESS,
}


@pytest.mark.parametrize(("table", "row"), EVERY_ROW.items(), ids=EVERY_ROW)
def test_a_rows_columns_are_those_of_its_table(table, row):
    assert set(tables.columns_from_row(row)) == set(getattr(tables, table).columns.keys())


@pytest.mark.parametrize("row", EVERY_ROW.values(), ids=EVERY_ROW)
def test_a_row_comes_back_from_its_columns(row):
    assert tables.row_from_columns(type(row), tables.columns_from_row(row)) == row
