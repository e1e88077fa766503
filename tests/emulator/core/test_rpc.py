import re
from email.utils import parsedate_to_datetime

import pytest

STS = "2015-04-01"
RAM = "2015-05-01"


def test_an_answer_is_json_with_a_request_id(operator):
    answer = operator.call(STS, "GetCallerIdentity")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", answer.json()["RequestId"])


def test_an_error_has_the_clouds_envelope(operator):
    answer = operator.call(RAM, "GetRole", {"RoleName": "nobody"})
    body = answer.json()
    assert answer.status_code == 404
    assert body["Code"] == "EntityNotExist.Role"
    assert "nobody" in body["Message"]
    assert body["HostId"] == "ram.cn-beijing.aliyuncs.com"
    assert body["Recommend"].startswith("https://api.aliyun.com/troubleshoot?q=EntityNotExist.Role")
    assert answer.headers["x-acs-request-id"] == body["RequestId"]


def test_query_and_form_are_merged(operator):
    answer = operator.call(RAM, "ListPolicies", {"MaxItems": "1"}, {"PolicyType": "System"})
    assert len(answer.json()["Policies"]["Policy"]) == 1


def test_action_and_version_may_come_as_parameters(served, operator):
    body = b"Action=GetCallerIdentity&Version=2015-04-01"
    form = {"content-type": "application/x-www-form-urlencoded"}
    headers = operator.headers("POST", "/", {}, body, form)
    answer = operator.http.post(served.url, content=body, headers=headers)
    assert answer.json()["IdentityType"] == "Account"


@pytest.mark.parametrize(
    ("version", "action", "status", "code", "word"),
    [
        (STS, "NoSuchAction", 404, "InvalidApi.NotFound", "NoSuchAction"),
        (RAM, "CreateGroup", 400, "UnsupportedOperation", "CreateGroup"),
        ("1999-01-01", "GetRole", 400, "InvalidVersion", "1999-01-01"),
        (STS, "", 404, "InvalidApi.NotFound", "sts"),
    ],
)
def test_what_is_not_there_is_refused_by_name(operator, version, action, status, code, word):
    answer = operator.call(version, action)
    assert (answer.status_code, answer.json()["Code"]) == (status, code)
    assert word in answer.json()["Message"]


def test_without_a_signature_nothing_is_answered(served, operator):
    headers = {"x-acs-version": STS, "x-acs-action": "GetCallerIdentity"}
    answer = operator.http.post(served.url, headers=headers)
    assert (answer.status_code, answer.json()["Code"]) == (400, "MissingAccessKeyId")


def test_a_huge_body_is_refused(served, operator):
    headers = {"x-acs-version": STS, "x-acs-action": "GetCallerIdentity"}
    answer = operator.http.post(served.url, headers=headers, content=b"x" * (1 << 20) + b"x")
    assert (answer.status_code, answer.json()["Code"]) == (413, "RequestEntityTooLarge")

    def endless():
        for _ in range(17):
            yield b"x" * 65536

    answer = operator.http.post(served.url, headers=headers, content=endless())
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(1001))])
def test_an_absurd_form_is_refused(served, operator, body):
    form = {"content-type": "application/x-www-form-urlencoded"}
    headers = {"x-acs-version": STS, "x-acs-action": "GetCallerIdentity"} | form
    answer = operator.http.post(served.url, headers=headers, content=body)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter")


def test_a_path_that_leads_nowhere_is_json_too(served, operator):
    answer = operator.http.get(f"{served.url}/nowhere")
    assert (answer.status_code, answer.json()["Code"]) == (404, "InvalidApi.NotFound")
    answer = operator.http.get(served.url)
    assert (answer.status_code, answer.json()["Code"]) == (405, "UnsupportedHTTPMethod")


def test_a_service_that_breaks_answers_json(served, operator, monkeypatch, caplog):
    from fujie_emulator.sts import routes

    monkeypatch.setitem(routes.ACTIONS, "GetCallerIdentity", lambda cloud, call: 1 / 0)
    answer = operator.call(STS, "GetCallerIdentity")
    assert (answer.status_code, answer.json()["Code"]) == (500, "InternalError")
    assert "division" not in answer.text
    assert "sts GetCallerIdentity failed" in caplog.text


def test_a_host_header_that_is_a_whole_url_serves(served, operator):
    operator_headers = operator.headers
    extra = {"x-acs-version": STS, "x-acs-action": "GetCallerIdentity", "host": served.url}
    answer = operator.http.post(served.url, headers=operator_headers("POST", "/", {}, b"", extra))
    assert answer.status_code == 200


def test_the_date_header_tells_the_clouds_time(served, operator):
    served.cloud.clock.advance(86400)
    told = parsedate_to_datetime(operator.call(STS, "GetCallerIdentity").headers["date"])
    assert abs((told - served.cloud.clock.now()).total_seconds()) < 10
