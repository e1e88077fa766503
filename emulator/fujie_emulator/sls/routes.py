"""The log service on the wire: JSON at `PROJECT.endpoint`, reached directly or through this cloud as a proxy."""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import authorize
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import unverified_request
from fujie_emulator.sls import state
from fujie_emulator.sls.errors import invalid
from fujie_emulator.sls.signing import verified_caller

MAX_BODY = 1 << 20
MOST_LINES = 100


@dataclass(frozen=True)
class Asked:
    """One verified call; `project` is the first label of the host, "" where the call is of none."""

    cloud: Cloud
    caller: Caller
    action: str
    request: Request
    body: dict[str, Any]
    project: str

    @property
    def store(self) -> str:
        return str(self.request.path_params.get("store") or self.body.get("logstoreName") or "")

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    def authorize(self, project: str) -> None:
        """Raise NoPermission unless RAM allows the action on the project, or on its log store."""
        arn = f"acs:log:{self.cloud.region}:{self.cloud.account_id}:project/{project}"
        authorize(
            self.cloud, self.caller, f"log:{self.action}", [f"{arn}/logstore/{self.store}" if self.store else arn]
        )


Answer = dict[str, Any] | list[Any] | None
Action = Callable[[Asked], Answer]


def create_project(asked: Asked) -> None:
    asked.authorize(str(asked.body.get("projectName", "")))
    state.create_project(asked.cloud, asked.body)


def get_project(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    found = state.project(asked.cloud, asked.project)
    told = {name: value for name, value in found.items() if name not in ("tags", "policy")}
    return told | {"status": "Normal", "owner": asked.cloud.account_id, "region": asked.cloud.region}


def update_project(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.change_project(asked.cloud, asked.project, {"description": str(asked.body.get("description") or "")})


def delete_project(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.delete_project(asked.cloud, asked.project)


def get_project_policy(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    return {} if state.project(asked.cloud, asked.project) else None


def list_tag_resources(asked: Asked) -> Answer:
    (name,) = _projects(asked.query("resourceId"))
    asked.authorize(name)
    tags = state.project(asked.cloud, name)["tags"]
    rows = [
        {"resourceType": "project", "resourceId": name, "tagKey": k, "tagValue": v} for k, v in sorted(tags.items())
    ]
    return {"nextToken": "", "tagResources": rows}


def tag_resources(asked: Asked) -> None:
    (name,) = _projects(asked.body.get("resourceId"))
    asked.authorize(name)
    pairs = asked.body.get("tags")
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) and "key" in pair for pair in pairs):
        raise invalid("tags is a list of objects with key and value")
    tags = {str(pair["key"]): str(pair.get("value", "")) for pair in pairs}
    state.change_project(asked.cloud, name, {"tags": state.project(asked.cloud, name)["tags"] | tags})


def untag_resources(asked: Asked) -> None:
    (name,) = _projects(asked.body.get("resourceId"))
    asked.authorize(name)
    gone = asked.body.get("tags") or []
    kept = {key: value for key, value in state.project(asked.cloud, name)["tags"].items() if key not in gone}
    state.change_project(asked.cloud, name, {"tags": kept})


def create_log_store(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.create_store(asked.cloud, asked.project, asked.body)


def get_log_store(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    return state.store(asked.cloud, asked.project, asked.store)


def update_log_store(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.change_store(asked.cloud, asked.project, asked.store, asked.body)


def delete_log_store(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.delete_store(asked.cloud, asked.project, asked.store)


def get_log_store_metering_mode(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    state.store(asked.cloud, asked.project, asked.store)
    return {"meteringMode": "ChargeByFunction"}


def list_shards(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    kept = state.store(asked.cloud, asked.project, asked.store)
    span = {"inclusiveBeginKey": "0" * 32, "exclusiveEndKey": "f" * 32}
    return [
        {"shardID": number, "status": "readwrite", "createTime": kept["createTime"], **span}
        for number in range(kept.get("shardCount", 1))
    ]


def put_index(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.put_index(asked.cloud, asked.project, asked.store, asked.body)


def get_index(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    return state.index(asked.cloud, asked.project, asked.store)


def delete_index(asked: Asked) -> None:
    asked.authorize(asked.project)
    state.delete_index(asked.cloud, asked.project, asked.store)


def get_logs(asked: Asked) -> Answer:
    asked.authorize(asked.project)
    since, until = _whole(asked.query("from", "0")), _whole(asked.query("to", "9999999999"))
    found = list(state.read(asked.cloud, asked.project, asked.store, since, until, asked.query("query")))
    if asked.query("reverse") == "true":
        found.reverse()
    first = _whole(asked.query("offset", "0"))
    return list(found[first : first + min(_whole(asked.query("line", "100")), MOST_LINES)])


_STORE = "/logstores/{store}"
OPERATIONS: dict[str, tuple[str, str, Action]] = {
    "CreateProject": ("POST", "/", create_project),
    "GetProject": ("GET", "/", get_project),
    "UpdateProject": ("PUT", "/", update_project),
    "DeleteProject": ("DELETE", "/", delete_project),
    "GetProjectPolicy": ("GET", "/policy", get_project_policy),
    "ListTagResources": ("GET", "/tags", list_tag_resources),
    "TagResources": ("POST", "/tag", tag_resources),
    "UntagResources": ("POST", "/untag", untag_resources),
    "CreateLogStore": ("POST", "/logstores", create_log_store),
    "GetLogStore": ("GET", _STORE, get_log_store),
    "UpdateLogStore": ("PUT", _STORE, update_log_store),
    "DeleteLogStore": ("DELETE", _STORE, delete_log_store),
    "GetLogStoreMeteringMode": ("GET", f"{_STORE}/meteringmode", get_log_store_metering_mode),
    "ListShards": ("GET", f"{_STORE}/shards", list_shards),
    "CreateIndex": ("POST", f"{_STORE}/index", put_index),
    "UpdateIndex": ("PUT", f"{_STORE}/index", put_index),
    "GetIndex": ("GET", f"{_STORE}/index", get_index),
    "DeleteIndex": ("DELETE", f"{_STORE}/index", delete_index),
}


def http_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of the log service; they are tried for requests with its signature alone."""
    known = [
        Route(path, _endpoint(cloud, name, do), methods=[method]) for name, (method, path, do) in OPERATIONS.items()
    ]
    return [*known, Route("/{rest:path}", _refused, methods=["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"])]


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return the names of the projects with those of their log stores."""
    return {name: state.stores(cloud, name) for name, _ in cloud.store.list(state.SERVICE, "project")}


async def _refused(request: Request) -> Response:
    note(service="sls", action="", code="UnsupportedOperation")
    words = f"The emulator has nothing at {request.method} {request.url.path[:128]}."
    told = {"errorCode": "UnsupportedOperation", "errorMessage": words}
    return JSONResponse(told, 400, headers={"x-log-requestid": uuid.uuid4().hex[:24].upper()})


def _endpoint(cloud: Cloud, name: str, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        headers = {"x-log-requestid": uuid.uuid4().hex[:24].upper()}
        try:
            answer = await _answered(cloud, name, action, request)
        except CloudError as error:
            note(code=error.code)
            told = {"errorCode": error.code, "errorMessage": error.message}
            return JSONResponse(told, error.status, headers=headers)
        lines = {"x-log-progress": "Complete", "x-log-count": str(len(answer))} if isinstance(answer, list) else {}
        if answer is None:
            return Response(status_code=200, headers=headers)
        return JSONResponse(answer, headers=headers | lines)

    return endpoint


async def _answered(cloud: Cloud, name: str, action: Action, request: Request) -> Answer:
    told = "GetLogs" if name == "GetLogStore" and request.query_params.get("type") == "log" else name
    note(service="sls", action=told)
    body = await read_body(request, MAX_BODY)
    caller = verified_caller(cloud, unverified_request(request, body))
    note(caller=caller)
    await cloud.faults.apply("sls", told)
    asked = Asked(cloud, caller, told, request, _document(body), _project(request))
    return get_logs(asked) if told == "GetLogs" else action(asked)


def _project(request: Request) -> str:
    """Return the project that the host names: the label before the endpoint's, which is at least two more."""
    labels = request.headers.get("host", "").partition(":")[0].split(".")
    return labels[0] if len(labels) > 2 and not labels[0].startswith("http-") else ""


def _projects(asked: Any) -> list[str]:
    try:
        names = json.loads(asked) if isinstance(asked, str) else asked
    except ValueError:
        names = None
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise invalid("resourceId is a list of one project")
    return names


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise invalid("from, to, line and offset are whole numbers")
    return int(text[:12])


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise invalid("the body is JSON") from error
    if not isinstance(document, dict):
        raise invalid("the body is a JSON object")
    return document
