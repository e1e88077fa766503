"""What a person can do on a stack, each with an outcome: None, or the code of what was in the way."""

from tests.e2e.questions import BY_NAME

ASKED_ANEW = "time"
"""The question for which nothing is granted when it is asked: it goes through consent each time."""
WAKING = "waking"
"""Whether `callback` itself wakes the run that waited for that consent; who watches a run wakes it, too."""
SHIPPED = frozenset({"weather", "schedule", "file", "time", "instances", "document", WAKING})
"""What the agent that ships lets people do."""


def outcomes(stack, person, names):
    """Return the outcome of each ability."""
    stack.freshen()
    before = stack.last_request()
    withdraw(person, ASKED_ANEW)
    found = {name: outcome(person, name) for name in sorted(names - {WAKING})}
    if WAKING in names:
        found[WAKING] = _of_waking(stack.requests(before))
    return found


def withdraw(person, provider):
    """Take back what the person has granted there."""
    grants = person.http.get(f"{person.stack.url}/api/grants").json()["grants"]
    for grant in grants:
        if grant["provider"] == provider:
            gone = person.http.delete(f"{person.stack.url}/api/grants/{grant['id']}", headers=person.csrf())
            assert gone.status_code == 200, gone.text


def outcome(person, name):
    """Ask a question, allow what it asks for, and return what was in the way of its tool."""
    question = BY_NAME[name]
    answer = person.ask_tool(question.en, question.tool)
    if answer.status == "incomplete":
        page = person.allow(answer.consents[-1]["connect_url"])
        if page.status_code != 200:
            person.cancel(answer)
            return f"page_{page.status_code}"
        answer = person.follow(answer)
    return _in_the_way(answer, question.tool)


def _in_the_way(answer, tool):
    results = dict(answer.tools)
    failed = [metadata["error_code"] for metadata in results.values() if not metadata["ok"]]
    if not failed:
        assert tool in results, answer.events[-1]
        return None
    told = [message["content"][0]["data"]["output"] for message in answer.messages("plugin_call_output")]
    assert "repair" in told[-1]
    return failed[0]


def _of_waking(requests):
    """Return the code of the first wake-up that `callback` sent and the cloud refused."""
    sent = [row for row in requests if row["action"] == "InvokeFunction" and "callback-role" in row["caller"]["arn"]]
    return next((row["code"] for row in sent if row["code"]), None)
