"""One verified call of the control plane, and pages of lists."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from fujie_emulator.core.call import Caller
from fujie_emulator.core.iam import authorize
from fujie_emulator.fc.errors import invalid
from fujie_emulator.fc.state import function_arn

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

_MOST_LISTED = 100


@dataclass(frozen=True)
class Asked:
    """One verified call of the control plane."""

    cloud: "Cloud"
    caller: Caller
    action: str
    request: Request
    body: dict[str, Any]

    def named(self, kind: str) -> str:
        """Return the name of a function, trigger or domain in the path."""
        return str(self.request.path_params[kind])

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.query_params.get(name, default)

    def authorize(self, function: str, trigger: str = "") -> None:
        """Raise NoPermission unless RAM allows the action on the function, or on its trigger."""
        arn = function_arn(self.cloud, function) + (f"/triggers/{trigger}" if trigger else "")
        authorize(self.cloud, self.caller, f"fc:{self.action}", [arn])

    def authorize_domain(self, domain: str) -> None:
        """Raise NoPermission unless RAM allows the action on the domain."""
        arn = f"acs:fc:{self.cloud.region}:{self.cloud.account_id}:custom-domains/{domain}"
        authorize(self.cloud, self.caller, f"fc:{self.action}", [arn])

    def authorize_role(self, field: str) -> None:
        """Raise NoPermission when the caller hands on a role that he may not pass."""
        role = self.body.get(field)
        if isinstance(role, str) and role:
            authorize(self.cloud, self.caller, "ram:PassRole", [role], {"acs:Service": "fc.aliyuncs.com"})

    def page(self, field: str, found: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """Cut a page out of a list by name; the token is the last name of the page before."""
        limit, after = self.query("limit", "20"), self.query("nextToken")
        if not limit.isdecimal() or not 1 <= int(limit[:9]) <= _MOST_LISTED:
            raise invalid("limit", f"1 to {_MOST_LISTED} is right")
        rest = [each for each in found if each[key] > after]
        page = rest[: int(limit)]
        return {field: page} | ({"nextToken": page[-1][key]} if len(rest) > len(page) else {})
