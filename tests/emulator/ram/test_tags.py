"""Tags on roles, policies and users, over the wire."""

import json

import pytest

VERSION = "2015-05-01"
POLICY = json.dumps({"Version": "1", "Statement": []})


@pytest.fixture
def ram(operator):
    def ram(action, expected="", **params):
        body = operator.call(
            VERSION, action, form={name.replace("_", "."): text for name, text in params.items()}
        ).json()
        assert body.get("Code", "") == expected, body
        return body

    for name in ("p", "q"):
        ram("CreatePolicy", PolicyName=name, PolicyDocument=POLICY)
    return ram


def tags(ram, **params):
    rows = ram("ListTagResources", ResourceType="policy", **params)["TagResources"]
    return [(row["ResourceName"], row["TagKey"], row["TagValue"]) for row in rows]


def test_tags_are_put_replaced_and_taken(ram):
    both = {"ResourceType": "policy", "ResourceNames": '["p","q"]'}
    ram("TagResources", **both, Tag='[{"Key":"stack","Value":"dev"},{"Key":"owner","Value":"me"}]')
    ram("TagResources", ResourceType="policy", ResourceNames='["p"]', Tag='[{"Key":"stack","Value":"prod"}]')
    assert tags(ram, ResourceNames='["p"]') == [("p", "stack", "prod"), ("p", "owner", "me")]
    assert tags(ram, Tag='[{"Key":"stack","Value":"dev"}]') == [("q", "stack", "dev"), ("q", "owner", "me")]
    ram("UntagResources", **both, TagKeys='["stack"]')
    assert tags(ram) == [("p", "owner", "me"), ("q", "owner", "me")]
    ram("UntagResources", **both, All="True")
    assert tags(ram) == []


def test_the_numbered_form_of_lists_is_understood(ram):
    ram("TagResources", ResourceType="user", ResourceNames_1="alice", Tag_1_Key="team", Tag_1_Value="a")
    rows = ram("ListTagResources", ResourceType="user", ResourceNames_1="alice")["TagResources"]
    assert rows == [{"ResourceType": "user", "ResourceName": "alice", "TagKey": "team", "TagValue": "a"}]


def test_listing_goes_by_pages(ram):
    listed = json.dumps([{"Key": f"k{number}", "Value": "v"} for number in range(5)])
    ram("TagResources", ResourceType="policy", ResourceNames='["p"]', Tag=listed)
    first = ram("ListTagResources", ResourceType="policy", PageSize="3")
    second = ram("ListTagResources", ResourceType="policy", PageSize="3", NextToken=first["NextToken"])
    assert [row["TagKey"] for row in first["TagResources"] + second["TagResources"]] == [f"k{n}" for n in range(5)]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ResourceType": "bucket", "ResourceNames": '["p"]'}, "InvalidParameter.ResourceType"),
        ({"ResourceType": "policy"}, "MissingParameter.ResourceNames"),
        ({"ResourceType": "policy", "ResourceNames": '["p"]'}, "MissingParameter.Tag"),
        ({"ResourceType": "policy", "ResourceNames": '["x"]', "Tag": '[{"Key":"k"}]'}, "EntityNotExist.Policy"),
        (
            {
                "ResourceType": "policy",
                "ResourceNames": '["p"]',
                "Tag": json.dumps([{"Key": str(n)} for n in range(21)]),
            },
            "InvalidParameter.Tag",
        ),
    ],
)
def test_a_wrong_request_is_refused_by_name(ram, params, code):
    ram("TagResources", code, **params)


def test_a_resource_has_twenty_tags_at_most_and_none_when_one_is_missing(ram):
    listed = json.dumps([{"Key": f"k{number}"} for number in range(20)])
    ram("TagResources", ResourceType="policy", ResourceNames='["p"]', Tag=listed)
    ram("TagResources", "LimitExceeded.Tag", ResourceType="policy", ResourceNames='["p"]', Tag='[{"Key":"more"}]')
    ram("TagResources", "EntityNotExist.Policy", ResourceType="policy", ResourceNames='["q","x"]', Tag='[{"Key":"k"}]')
    assert tags(ram, ResourceNames='["q"]') == []
