"""What all of RAM's actions begin with: who may, and which page."""

from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.iam import authorize
from fujie_emulator.ram.state import Ram

LONGEST_PAGE = 1000
Answer = dict[str, Any]


def ram_of(cloud: Cloud) -> Ram:
    """Return the account's roles, policies and users."""
    return Ram(cloud.account, cloud.store, cloud.clock)


def allowed(cloud: Cloud, call: RpcCall, *resources: str) -> Ram:
    """Return the roles and policies to a caller who may do this action on account resources like `role/x`."""
    arns = [f"acs:ram:*:{cloud.account_id}:{resource}" for resource in resources]
    authorize(cloud, call.caller, f"ram:{call.action}", arns)
    return ram_of(cloud)


def paged(call: RpcCall, items: list[Any]) -> tuple[list[Any], Answer]:
    """Cut a page out of a list; the marker is the number of items already seen."""
    size = call.integer("MaxItems", 100)
    marker = call.text("Marker", required=False) or "0"
    if not 1 <= size <= LONGEST_PAGE:
        raise invalid_parameter("MaxItems", f"1 to {LONGEST_PAGE} is right.")
    if not marker.isdecimal() or len(marker) > 9:
        raise invalid_parameter("Marker", "the Marker of the page before is right.")
    end = int(marker) + size
    more = end < len(items)
    return items[int(marker) : end], {"IsTruncated": more} | ({"Marker": str(end)} if more else {})
