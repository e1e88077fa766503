"""One function of Function Compute 3.0 with its HTTP trigger: how it runs and grows, as whom, with which environment.

Everything is of `LATEST`. Versions and aliases are not declared: a package lies under the hash of its content, so the
version before is deployed again as it was, and the published provider reads the settings of `LATEST` whatever qualifier
they were made for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_alicloud as alicloud
from pulumi import Input, Output, Resource, ResourceOptions

from infra.components.component import Part
from infra.declaration import Function
from infra.packages.building import HANDLER
from infra.properties import asynchronous, messages_of
from infra.scale import MOST_CONCURRENCY

PORT = 9000
CLOUD_PYTHON = "/var/fc/lang/python3.12/bin/python3"
"""Where custom.debian11 has it; it is not on PATH (fc.md 3)."""
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")


@dataclass(frozen=True)
class FunctionArgs:
    """What is declared, and what only the stack knows."""

    function: Function
    name: str
    """In the account."""
    code: alicloud.fc.V3FunctionCodeArgs
    role_arn: Input[str]
    environment: Input[Mapping[str, str]]
    tags: Mapping[str, str]
    python: str = CLOUD_PYTHON
    """The interpreter of a custom runtime."""
    logs: alicloud.fc.V3FunctionLogConfigArgs | None = None
    dead_letters: Input[str] | None = None
    """The ARN of the queue that is told of asynchronous invocations that failed for good."""
    after: Resource | None = None
    """What must be there before the function is made or changed."""


class HostedFunction(Part):
    """The function; `url` is where its HTTP trigger answers those who may reach it."""

    def __init__(self, name: str, args: FunctionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        function = alicloud.fc.V3Function(
            name,
            function_name=args.name,
            description=f"Fujie {args.function.name}",
            role=args.role_arn,
            code=args.code,
            environment_variables=args.environment,
            internet_access=True,
            timeout=args.function.timeout_s,
            layers=list(args.function.layers) or None,
            cpu=args.function.cpu,
            memory_size=args.function.memory_mb,
            disk_size=512,
            log_config=args.logs,
            tags=args.tags,
            # Not the part itself: it is there also when the engine is told to leave out what is waited for.
            opts=ResourceOptions.merge(self.inside(), ResourceOptions(depends_on=args.after)),
            **_runtime(args),
            **_sessions(args.function),
        )
        trigger = alicloud.fc.V3Trigger(
            f"{name}-http",
            function_name=function.function_name,
            qualifier="LATEST",
            trigger_name="http",
            trigger_type="http",
            trigger_config=json.dumps(http_trigger(args.function)),
            opts=self.inside(),
        )
        alicloud.fc.V3AsyncInvokeConfig(
            f"{name}-async",
            function_name=function.function_name,
            qualifier="LATEST",
            opts=self.inside(),
            **asynchronous(args.function.asynchronous, _messages(args.dead_letters)),
        )
        self._limit(name, function.function_name, args.function)
        self.name: Output[str] = function.function_name
        public = args.function.public
        self.url: Output[str] = trigger.http_trigger.apply(
            lambda http: str(http.url_internet if public else http.url_intranet).rstrip("/")
        )
        self.register_outputs({"name": self.name, "url": self.url})

    def _limit(self, name: str, function: Output[str], declared: Function) -> None:
        """Reserve instances, and have some up, where the stack asks for it."""
        inside = self.inside()
        if declared.reserved is not None:
            reserved = alicloud.fc.V3ConcurrencyConfig(
                f"{name}-concurrency", function_name=function, reserved_concurrency=declared.reserved, opts=inside
            )
            inside = ResourceOptions.merge(inside, ResourceOptions(depends_on=[reserved]))
        if declared.warm:
            alicloud.fc.V3ProvisionConfig(
                f"{name}-warm", function_name=function, qualifier="LATEST", target=declared.warm, opts=inside
            )


def http_trigger(function: Function) -> dict[str, Any]:
    """Return the trigger's config: open, since each function checks who asks; `tool` from inside the cloud only."""
    return {"authType": "anonymous", "methods": list(METHODS), "disableURLInternet": not function.public}


def _messages(queue: Input[str] | None) -> Output[str] | None:
    return Output.from_input(queue).apply(messages_of) if queue is not None else None


def _sessions(function: Function) -> dict[str, Any]:
    """Return how requests find an instance: with session affinity Function Compute takes no other concurrency."""
    if function.affinity is None:
        return {"instance_concurrency": function.instance_concurrency}
    return {
        "instance_concurrency": MOST_CONCURRENCY,
        "session_affinity": function.affinity.kind,
        "session_affinity_config": function.affinity.document(),
    }


def _runtime(args: FunctionArgs) -> dict[str, Any]:
    if not args.function.runtime.startswith("custom"):
        return {"runtime": args.function.runtime, "handler": HANDLER}
    return {
        "runtime": args.function.runtime,
        "handler": "index.handler",  # required, and not used by a custom runtime
        "custom_runtime_config": alicloud.fc.V3FunctionCustomRuntimeConfigArgs(
            commands=[args.python, "-m", args.function.entry], port=PORT
        ),
    }
