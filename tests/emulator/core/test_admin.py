import pytest


@pytest.fixture
def admin(served, operator):
    def ask(method, path, **options):
        return operator.http.request(method, f"{served.url}/_fujie/{path}", **options)

    return ask


def test_health_names_the_account(admin, served):
    assert admin("GET", "health").json() == {
        "status": "ok",
        "account_id": served.account_id,
        "region": "cn-beijing",
    }


def test_the_journal_shows_who_asked_what_and_what_was_decided(admin, operator, served):
    operator.call("2015-05-01", "GetRole", {"RoleName": "nobody"})
    operator.call("2015-04-01", "GetCallerIdentity")
    first, second = admin("GET", "requests").json()["requests"]
    assert (first["seq"], first["service"], first["action"]) == (1, "ram", "GetRole")
    assert (first["status"], first["code"]) == (404, "EntityNotExist.Role")
    assert first["caller"] == {"type": "root", "arn": f"acs:ram::{served.account_id}:root", "name": "root"}
    assert first["access_key_id"] == served.access_key_id
    assert first["decision"]["effect"] == "Allow"
    assert (second["seq"], second["code"], second["decision"]) == (2, "", None)
    assert admin("GET", "requests?after=1").json()["requests"] == [second]


def test_the_journal_keeps_no_secret(admin, operator, served):
    operator.call("2015-05-01", "CreateRole", {"RoleName": "r", "Description": "canary-body"})
    text = admin("GET", "requests").text
    assert served.access_key_secret not in text
    assert "canary" not in text


def test_a_refused_signature_is_journaled_as_nobody(admin, operator):
    operator.secret = "wrong"
    operator.call("2015-04-01", "GetCallerIdentity")
    (row,) = admin("GET", "requests").json()["requests"]
    assert (row["caller"]["type"], row["access_key_id"]) == ("anonymous", "")
    assert (row["status"], row["code"]) == (400, "SignatureDoesNotMatch")


def test_the_clock_moves_forward(admin, operator, served):
    assert admin("GET", "clock").json()["offset_s"] == 0
    assert admin("POST", "clock", json={"advance_s": 3600}).json()["offset_s"] == 3600
    assert served.cloud.clock.offset_s == 3600
    assert operator.call("2015-04-01", "GetCallerIdentity").status_code == 200


@pytest.mark.parametrize(
    "body", ["{}", '{"advance_s": "1"}', '{"advance_s": true}', '{"advance_s": NaN}', "[]", "{", '{"advance_s": 1e12}']
)
def test_a_wrong_clock_request_is_refused(admin, served, body):
    assert admin("POST", "clock", content=body).status_code == 400
    assert served.cloud.clock.offset_s == 0


def test_the_inventory_names_what_was_made_but_no_secret(admin, operator, served):
    trust = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Principal":{"Service":"x"}}]}'
    operator.call("2015-05-01", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": trust})
    answer = admin("GET", "inventory")
    assert answer.json()["ram"]["roles"] == {"r": []}
    assert answer.json()["counts"]["ram"] == {"role": 1, "user": 2}
    assert served.access_key_secret not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:80"},
        {"host": "localhost@evil.example"},
        {"host": ""},
        {"origin": "http://127.0.0.1:8090"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_no_rebound_name_and_no_web_page_may_ask(admin, headers):
    answer = admin("POST", "clock", json={"advance_s": 1}, headers=headers)
    assert answer.status_code in (400, 403)
    assert admin("GET", "clock").json()["offset_s"] == 0


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:80", "[::1]:80", "http://127.0.0.1:8091"])
def test_loopback_names_may_ask(admin, host):
    assert admin("GET", "health", headers={"host": host}).status_code == 200
