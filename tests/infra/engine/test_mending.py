import pytest

from infra.engine.mending import IDS, TAGGED_LATER, is_ours

ROLE, BUCKET = "alicloud:ram/role:Role", "alicloud:oss/bucket:Bucket"
FUNCTION, DOMAIN = "alicloud:fc/v3Function:V3Function", "alicloud:fc/v3CustomDomain:V3CustomDomain"
TRIGGER = "alicloud:fc/v3Trigger:V3Trigger"
TAGS = {"app": "fujie", "stack": "dev"}
DAY = "2026-03-02"


def routes(*functions):
    return {"routeConfig": {"routes": [{"path": "/", "functionName": name} for name in functions]}}


@pytest.mark.parametrize(
    ("kind", "outputs", "inputs", "whose"),
    [
        (ROLE, {"tags": TAGS}, {"tags": TAGS}, True),
        (ROLE, {"tags": {**TAGS, "team": "a"}}, {"tags": TAGS}, True),
        (ROLE, {"tags": {**TAGS, "stack": "prod"}}, {"tags": TAGS}, False),
        (ROLE, {"tags": {}}, {"tags": TAGS}, False),
        (ROLE, {"createTime": f"{DAY}T10:00:00Z"}, {"tags": TAGS}, False),
        (BUCKET, {"creationDate": DAY}, {"tags": TAGS}, True),
        (BUCKET, {"creationDate": "2026-03-01"}, {"tags": TAGS}, False),
        (BUCKET, {"creationDate": DAY, "tags": {"stack": "prod"}}, {"tags": TAGS}, False),
        (FUNCTION, {"createTime": f"{DAY}T10:00:00Z", "tags": None}, {"tags": TAGS}, True),
        (FUNCTION, {"createTime": "2025-12-31T10:00:00Z"}, {"tags": TAGS}, False),
        (DOMAIN, routes("fujie-dev-chat"), routes("fujie-dev-chat"), True),
        (DOMAIN, routes("fujie-prod-chat"), routes("fujie-dev-chat"), False),
        (TRIGGER, {"triggerName": "http"}, {"triggerName": "http"}, True),
    ],
)
def test_what_was_there_is_ours_by_its_tags_or_routes_and_otherwise_somebody_elses(kind, outputs, inputs, whose):
    assert is_ours({"type": kind, "outputs": outputs}, inputs, DAY) is whose


def test_what_is_tagged_later_can_be_found_by_an_id():
    assert TAGGED_LATER.keys() <= IDS.keys()
