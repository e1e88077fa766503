"""RAM's actions on tags."""

from collections.abc import Callable

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter, missing_parameter
from fujie_emulator.core.iam import authorize
from fujie_emulator.ram.asking import Answer
from fujie_emulator.ram.tags import Tags, asked_keys, asked_resources, asked_tags

_LONGEST_PAGE = 1000


def tag_resources(cloud: Cloud, call: RpcCall) -> Answer:
    kind, names = asked_resources(call, required=True)
    _authorize(cloud, call, kind, names)
    tags = asked_tags(call)
    if not tags:
        raise missing_parameter("Tag")
    Tags(cloud.store).put(kind, names, tags)
    return {}


def untag_resources(cloud: Cloud, call: RpcCall) -> Answer:
    kind, names = asked_resources(call, required=True)
    _authorize(cloud, call, kind, names)
    keys = asked_keys(call)
    if not keys and not call.flag("All"):
        raise missing_parameter("TagKeys")
    Tags(cloud.store).take(kind, names, keys or None)
    return {}


def list_tag_resources(cloud: Cloud, call: RpcCall) -> Answer:
    kind, names = asked_resources(call, required=False)
    _authorize(cloud, call, kind, names or ["*"])
    rows = Tags(cloud.store).found(kind, names, asked_tags(call))
    size, start = call.integer("PageSize", 100), call.text("NextToken", required=False) or "0"
    if not 1 <= size <= _LONGEST_PAGE:
        raise invalid_parameter("PageSize", f"1 to {_LONGEST_PAGE} is right.")
    if not start.isdecimal() or len(start) > 9:
        raise invalid_parameter("NextToken", "the NextToken of the page before is right.")
    end = int(start) + size
    answer: Answer = {"TagResources": rows[int(start) : end], "IsTruncated": end < len(rows)}
    return answer | ({"NextToken": str(end)} if end < len(rows) else {})


def _authorize(cloud: Cloud, call: RpcCall, kind: str, names: list[str]) -> None:
    arns = [f"acs:ram:*:{cloud.account_id}:{kind}/{name}" for name in names]
    authorize(cloud, call.caller, f"ram:{call.action}", arns)


TAG_ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "TagResources": tag_resources,
    "UntagResources": untag_resources,
    "ListTagResources": list_tag_resources,
}
