"""Resources from a file."""

import pytest

from fujie_emulator.partners.state import partner

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["x"]}}],
}
ROLE = {
    "service": "ram",
    "action": "CreateRole",
    "parameters": {"RoleName": "reader", "AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": 7200},
}
PROVIDER = {
    "service": "agentidentity",
    "action": "CreateIdentityProvider",
    "parameters": {"IdentityProviderName": "idp", "DiscoveryURL": "https://idp.example", "AllowedAudience": ["a"]},
}
OBJECT = {"service": "oss", "bucket": "books-1", "key": "a/b.txt", "text": "山海经"}
PARTNER = {"service": "partners", "name": "crm", "partner": {"scopes": {"contacts.read": "Read your contacts"}}}


@pytest.fixture
def imported(served, operator):
    def imported(*resources, **document):
        body = document or {"resources": list(resources)}
        return operator.http.post(f"{served.url}/_fujie/import", json=body)

    return imported


def test_resources_of_all_sorts_are_made_in_their_order(served, operator, imported):
    answer = imported(ROLE, PROVIDER, OBJECT, PARTNER)
    assert [row["result"] for row in answer.json()["imported"]] == ["made"] * 4
    role = operator.call("2015-05-01", "GetRole", {"RoleName": "reader"}).json()["Role"]
    assert role["MaxSessionDuration"] == 7200
    assert partner(served.cloud, "crm").scopes["contacts.read"]["en"] == "Read your contacts"
    inventory = operator.http.get(f"{served.url}/_fujie/inventory").json()
    assert inventory["oss"] == {"books-1": ["a/b.txt"]}


def test_what_is_there_stays(imported, operator):
    imported(ROLE)
    changed = ROLE | {"parameters": ROLE["parameters"] | {"MaxSessionDuration": 3600}}
    assert [row["result"] for row in imported(changed, PROVIDER).json()["imported"]] == ["was there", "made"]
    assert operator.call("2015-05-01", "GetRole", {"RoleName": "reader"}).json()["Role"]["MaxSessionDuration"] == 7200


def test_the_first_that_is_refused_is_named_in_the_cloud_s_words(imported):
    wrong = {"service": "ram", "action": "CreateRole", "parameters": {"RoleName": "no spaces"}}
    answer = imported(ROLE, wrong, PROVIDER)
    assert answer.status_code == 400
    assert answer.json()["Code"].startswith(("InvalidParameter", "MissingParameter"))
    assert answer.json()["Message"].startswith("resource 1 (ram CreateRole): ")


@pytest.mark.parametrize(
    "document",
    [
        {"resource": []},
        {"resources": {}},
        {"resources": [], "more": 1},
        {"resources": [ROLE, 7]},
        {"resources": [ROLE, {"service": "ecs"}]},
        {"resources": [ROLE, {"service": ["ram"]}]},
        {"resources": [ROLE, {"service": "llm"}]},
    ],
)
def test_a_document_of_another_shape_makes_nothing(operator, imported, document):
    answer = imported(**document)
    assert answer.status_code == 400
    assert '"resources"' in answer.json()["Message"]
    assert operator.call("2015-05-01", "GetRole", {"RoleName": "reader"}).status_code == 404


@pytest.mark.parametrize(
    "resource",
    [
        {"service": "ram"},
        {"service": "ram", "action": "MakeTea"},
        {"service": "ram", "action": "CreateRole", "parameters": []},
        {"service": "oss", "bucket": 7},
        {"service": "oss", "bucket": "UPPER"},
        {"service": "oss", "bucket": "books-1", "key": "/no"},
        {"service": "oss", "bucket": "books-1", "key": "k", "text": 7},
        {"service": "partners", "name": "crm"},
        {"service": "partners", "name": "crm", "partner": {"scopes": 7}},
    ],
)
def test_a_resource_that_cannot_be_is_refused_with_its_number(imported, resource):
    answer = imported(PROVIDER, resource)
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith(f"resource 1 ({resource['service']}")
