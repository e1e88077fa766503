"""Which test shows which official client what: the table of docs/protocols.md, and no cell of it is empty."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "protocols.md"
SITUATIONS = (
    "plain", "tool call", "reasoning", "error before", "error after", "cancel", "disconnect", "granted", "denied",
    "expired", "reconnect",
)  # fmt: skip

NO_RETURN = "nothing of a chat completion can be asked for again; the session goes on"
NO_EVENT_ID = "the client sends no `Last-Event-ID`; by HTTP it is `GET /process/{id}/events`"
NO_CANCEL = "its protocol has no cancel: whoever wants to stop closes the stream"
STATELESS = "a call of this revision ends with its connection; a paused one goes on with `requestState`"

CHAT, RESPONSES, BLOCKING = "test_openai_chat.py", "test_openai_responses.py", "test_openai_blocking.py"
A2A, AG_UI, MCP, SCOPE = "test_a2a.py", "test_ag_ui.py", "test_mcp_server.py", "test_agentscope_client.py"
INVOKE, CLOUDS = "test_invocations.py", "../frameworks/inside/clients.py"

_A2A = (
    (A2A, "test_a_plain_answer_streams_as_an_artifact_of_a_task"),
    (A2A, "test_a_tool_call_and_its_result_are_told"),
    (A2A, "test_reasoning_is_told_apart_from_the_answer_and_a_value_is_part_of_it"),
    *[(A2A, "test_an_error_before_and_after_the_first_token_ends_the_task_as_failed")] * 2,
    (A2A, "test_a_canceled_task_ends_for_who_cancels_and_for_who_streams"),
    (A2A, "test_a_task_goes_on_when_its_client_goes_away_and_can_be_read_again"),
    *[(A2A, "test_a_task_that_waits_says_for_what_and_goes_on_in_the_same_stream")] * 3,
    (A2A, "test_who_reconnects_to_a_task_that_waits_reads_what_for_and_then_the_rest"),
)
_MCP = (
    (MCP, "test_the_agent_is_a_tool_and_its_answer_text_and_structure"),
    *[(MCP, "test_progress_tells_of_thoughts_tools_and_the_answer_as_it_comes")] * 2,
    *[(MCP, "test_an_error_before_or_after_the_first_token_is_the_result")] * 2,
    (MCP, "test_a_call_that_is_canceled_stops_its_run"),
    (MCP, "test_going_away_cancels_a_call_in_the_current_revision_and_not_in_an_earlier_one"),
    *[(MCP, "test_the_client_opens_the_address_and_the_same_call_goes_on")] * 3,
)
_BLOCKING = (
    (BLOCKING, "test_a_tool_call"),
    (BLOCKING, "test_reasoning"),
    *[(BLOCKING, "test_an_error_before_and_after_the_first_token")] * 2,
    (BLOCKING, "test_a_run_that_is_canceled_meanwhile"),
    (BLOCKING, "test_a_client_that_closes_its_stream_ends_the_run"),
    *[(BLOCKING, "test_a_pause_and_after_each_answer_the_session_goes_on")] * 3,
)
MATRIX = {
    "`openai`, async, chat": (
        (CHAT, "test_the_async_client_gets_a_whole_answer_at_either_prefix"),
        (CHAT, "test_a_tool_call_is_visible_and_the_answer_stops"),
        (CHAT, "test_reasoning_and_values_stand_beside_the_answer"),
        *[(CHAT, "test_a_failure_before_or_after_the_first_token_raises_in_the_client")] * 2,
        (CHAT, "test_a_canceled_run_is_an_error_and_no_answer"),
        (CHAT, "test_a_client_that_goes_away_cancels_its_run"),
        *[(CHAT, "test_once_it_is_settled_the_session_goes_on_with_what_was_answered")] * 3,
        NO_RETURN,
    ),
    "`openai`, blocking, chat": ((CHAT, "test_the_blocking_client_gets_both"), *_BLOCKING, NO_RETURN),
    "`openai`, async, responses": (
        (RESPONSES, "test_a_whole_answer_is_a_real_response_at_every_prefix"),
        (RESPONSES, "test_a_tool_call_and_what_it_gave_are_visible"),
        (RESPONSES, "test_reasoning_is_an_item_before_the_answer"),
        *[(RESPONSES, "test_a_failure_before_or_after_the_first_token_is_a_failed_response")] * 2,
        (RESPONSES, "test_a_run_that_is_canceled_meanwhile_says_so_in_its_answer"),
        (RESPONSES, "test_a_client_that_goes_away_cancels_its_run"),
        *[(RESPONSES, "test_who_comes_back_after_the_answer_reads_on_where_the_pause_was")] * 3,
        (RESPONSES, "test_a_stream_is_read_again_from_any_event_on"),
    ),
    "`openai`, blocking, responses": (
        (RESPONSES, "test_the_blocking_client_gets_all_of_it"),
        *_BLOCKING,
        (BLOCKING, "test_a_response_is_read_on_from_any_event"),
    ),
    "`a2a-sdk` 1.x": _A2A,
    "`a2a-sdk` 0.3": _A2A,
    "`ag-ui-protocol`": (
        (AG_UI, "test_a_plain_answer_at_either_path"),
        *[(AG_UI, "test_reasoning_a_call_in_the_writing_and_state")] * 2,
        *[(AG_UI, "test_an_error_before_and_after_the_first_token_ends_the_stream_with_it")] * 2,
        (AG_UI, "test_a_canceled_run_is_told_as_such_and_not_as_a_success"),
        (AG_UI, "test_a_client_that_goes_away_stops_its_run"),
        *[(AG_UI, "test_a_resume_goes_on_after_the_person_answered_whatever_the_answer_was")] * 3,
        (AG_UI, "test_who_lost_the_connection_reads_the_run_again_and_keeps_nothing_twice"),
    ),
    "`mcp`, current revision": (*_MCP, STATELESS),
    "`mcp`, earlier ones": (*_MCP, (MCP, "test_a_broken_stream_of_an_earlier_revision_is_read_on_anywhere")),
    "`agentscope-runtime`": (
        (SCOPE, "test_a_plain_answer"),
        *[(SCOPE, "test_a_tool_call_and_reasoning")] * 2,
        *[(SCOPE, "test_an_error_before_or_after_the_first_token")] * 2,
        (SCOPE, "test_a_run_that_is_stopped_ends_the_clients_stream"),
        (SCOPE, "test_a_client_that_leaves_stops_its_run"),
        *[(SCOPE, "test_after_each_answer_to_a_pause_the_session_goes_on")] * 3,
        NO_EVENT_ID,
    ),
    "`websockets`": (
        *[(INVOKE, "test_runs_of_a_socket_follow_each_other_in_one_conversation")] * 3,
        *[(INVOKE, "test_a_failure_is_told_and_the_socket_stays")] * 2,
        (INVOKE, "test_a_run_is_canceled_by_a_message"),
        (INVOKE, "test_who_closes_his_socket_ends_the_agent"),
        *[(INVOKE, "test_a_run_of_a_socket_that_waits_is_read_on_when_it_was_answered")] * 3,
        (INVOKE, "test_who_lost_his_socket_reads_the_run_with_another"),
    ),
    "`ppio-sandbox`": (
        (CLOUDS, "test_ppio_gets_a_value"),
        *[(CLOUDS, "test_ppio_gets_what_an_agent_thinks_calls_and_says")] * 2,
        (CLOUDS, "test_ppio_raises_for_an_agent_that_fails_before_its_first_word"),
        (CLOUDS, "test_ppio_reads_a_failure_after_the_first_word"),
        NO_CANCEL,
        (CLOUDS, "test_ppio_leaving_a_stream_ends_the_agent"),
        *[(CLOUDS, "test_ppio_waits_for_a_consent_and_reads_on")] * 4,
    ),
    "`boto3` for AgentCore": (
        (CLOUDS, "test_agentcore_gets_a_value_and_its_session"),
        *[(CLOUDS, "test_agentcore_gets_what_an_agent_thinks_calls_and_says")] * 2,
        (CLOUDS, "test_agentcore_raises_for_an_agent_that_fails_before_its_first_word"),
        (CLOUDS, "test_agentcore_reads_a_failure_after_the_first_word"),
        NO_CANCEL,
        (CLOUDS, "test_agentcore_leaving_a_stream_ends_the_agent"),
        *[(CLOUDS, "test_agentcore_waits_for_a_consent_and_reads_on")] * 4,
    ),
}


@cache
def named_in(file):
    tree = ast.parse((Path(__file__).parent / file).read_bytes())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("client", MATRIX)
def test_every_cell_has_a_test_or_says_why_there_can_be_none(client):
    cells = dict(zip(SITUATIONS, MATRIX[client], strict=True))
    for situation, cell in cells.items():
        if isinstance(cell, str):
            assert " " in cell, situation
        else:
            file, test = cell
            assert test in named_in(file), (client, situation, cell)


def table():
    """Return the table as the page shows it: a mark where there is a test, a number where there is a reason."""
    reasons = list(dict.fromkeys(cell for row in MATRIX.values() for cell in row if isinstance(cell, str)))
    lines = [f"| | {' | '.join(SITUATIONS)} |", f"|---|{'---|' * len(SITUATIONS)}"]
    for client, row in MATRIX.items():
        cells = [f"({reasons.index(cell) + 1})" if isinstance(cell, str) else "✓" for cell in row]
        lines.append(f"| {client} | {' | '.join(cells)} |")
    notes = [f"({number}) {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join([*lines, "", "; ".join(notes) + "."])


def test_the_page_shows_this_table():
    shown = PAGE.read_text().partition("<!-- clients -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == table(), table()
