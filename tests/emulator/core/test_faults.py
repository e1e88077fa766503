import time

import httpx2
import pytest

STS = "2015-04-01"


@pytest.fixture
def arm(served, operator):
    def arm(**fault):
        return operator.http.post(f"{served.url}/_fujie/faults", json=fault)

    return arm


def who(operator):
    return operator.call(STS, "GetCallerIdentity")


def test_the_next_calls_fail_and_then_no_more(arm, operator):
    assert arm(service="sts", action="GetCallerIdentity", kind="status", status=503, count=2).status_code == 201
    answers = [who(operator) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["Code"] == "ServiceUnavailable"


def test_throttling_says_when_to_come_back(arm, operator):
    arm(service="sts", kind="status", status=429, count=1)
    answer = who(operator)
    assert (answer.status_code, answer.json()["Code"]) == (429, "Throttling.User")
    assert answer.headers["x-acs-retry-after"] == "1000"


def test_throttling_says_the_time_it_was_told(arm, operator):
    arm(service="sts", kind="status", status=429, retry_after_ms=20)
    assert who(operator).headers["x-acs-retry-after"] == "20"


def test_another_service_or_action_is_spared(arm, operator):
    arm(service="ram", kind="status", count=1)
    arm(service="sts", action="AssumeRole", kind="status", count=1)
    assert who(operator).status_code == 200


def test_an_answer_may_come_late(arm, operator):
    arm(service="sts", kind="latency", latency_s=0.3, count=1)
    began = time.monotonic()
    assert who(operator).status_code == 200
    assert time.monotonic() - began >= 0.3


def test_a_connection_may_be_cut_without_an_answer(arm, operator, served, caplog):
    arm(service="sts", kind="drop", count=1)
    with pytest.raises(httpx2.RemoteProtocolError, match=r"without sending a response|disconnected"):
        who(operator)
    assert who(operator).status_code == 200
    assert [row["status"] for row in served.cloud.journal.after(0)] == [0, 200]
    assert caplog.records == []


def test_an_answer_may_break_off_in_the_middle(arm, operator, served, caplog):
    arm(service="sts", kind="truncate")
    with operator.http.stream("POST", f"{served.url}/", **signed(operator)) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError, match="complete message body"):
            answer.read()
    assert who(operator).status_code == 200
    assert [row["status"] for row in served.cloud.journal.after(0)] == [200, 200]
    assert caplog.records == []


def signed(operator):
    extra = {"x-acs-version": STS, "x-acs-action": "GetCallerIdentity"}
    return {"headers": operator.headers("POST", "/", {}, b"", extra)}


@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_a_page_for_browsers_fails_too(arm, operator, served, kind):
    arm(service="agentidentitydata", action="AuthorizeInBrowser", kind=kind)
    with pytest.raises(httpx2.RemoteProtocolError):
        operator.http.get(f"{served.url}/oauth2/authorize?request_uri=x")
    assert operator.http.get(f"{served.url}/oauth2/authorize?request_uri=x").status_code == 400


def test_what_is_armed_is_shown_and_counts_down(arm, operator, served):
    arm(service="sts", kind="status", count=2)
    who(operator)
    (shown,) = operator.http.get(f"{served.url}/_fujie/faults").json()["faults"]
    assert (shown["service"], shown["kind"], shown["status"], shown["count"]) == ("sts", "status", 503, 1)


def test_a_fault_of_the_upstream_is_not_spent_by_callers(arm, operator, served):
    arm(service="agentidentitydata", kind="upstream", action="crm", status=500)
    operator.call("2025-11-27", "GetWorkloadAccessToken", {"WorkloadIdentityName": "none"})
    faults = served.cloud.faults
    assert faults.upstream_fails("agentidentitydata", "other") == 0
    assert faults.upstream_fails("agentidentitydata", "crm") == 500
    assert faults.upstream_fails("agentidentitydata", "crm") == 0


def test_faults_are_disarmed(arm, operator, served):
    arm(service="sts", kind="status", count=5)
    operator.http.delete(f"{served.url}/_fujie/faults")
    assert who(operator).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"service": "sts"},
        {"service": "sts", "kind": "fire"},
        {"service": "sts", "kind": "status", "count": 0},
        {"service": "sts", "kind": "status", "status": 200},
        {"service": "sts", "kind": "latency", "latency_s": 1e9},
        {"service": "sts", "kind": "latency", "latency_s": "1"},
        {"service": 1, "kind": "drop"},
        {"service": "ecs", "kind": "drop"},
        {"service": "partner.", "kind": "drop"},
        {"service": "sts", "kind": "upstream"},
        {"service": "sts", "kind": "status", "retry_after_ms": -1},
        {"service": "sts", "kind": "drop", "action_name": "GetCallerIdentity"},
    ],
)
def test_a_wrong_fault_is_refused(arm, operator, fault):
    assert arm(**fault).status_code == 400
    assert who(operator).status_code == 200
