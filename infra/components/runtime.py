"""The four functions, each started with what the ones before it gave: `tool`, `process`, then `chat` and `callback`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi_alicloud as alicloud
from pulumi import Input, Output, Resource, ResourceOptions

from fujie.identity.delegation import sha256_hex
from fujie.secret import Secret
from fujie.sessions.tables import REVISION
from fujie.settings import AgentAbout
from infra.components.component import Part
from infra.components.functions import CLOUD_PYTHON, FunctionArgs, HostedFunction
from infra.declaration import Stack
from infra.environment import Resolved, function_environment
from infra.inputs import StackInputs
from infra.packages.building import agent_in_package
from infra.providers.migration import Migration
from infra.stack_secrets import StackSecrets


@dataclass(frozen=True)
class RuntimeArgs:
    """The stack and everything that its functions need to know."""

    stack: Stack
    inputs: StackInputs
    database_url: str
    code: Mapping[str, alicloud.fc.V3FunctionCodeArgs]
    role_arns: Mapping[str, Output[str]]
    app_ids: Mapping[str, Output[str]]
    sign_in_secret: Output[str]
    workload_identity: Output[str]
    secrets: Output[StackSecrets]
    tags: Mapping[str, str]
    queue_arns: Mapping[str, Output[str]]
    """The stack's own queues by name, once they are there."""
    logs: alicloud.fc.V3FunctionLogConfigArgs | None = None
    agent: Path | None = None
    """Its file here, when it is not the agent that ships; the packages hold it."""
    agent_about: AgentAbout | None = None


class Runtime(Part):
    """The functions by their short names."""

    def __init__(self, name: str, args: RuntimeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.functions: dict[str, HostedFunction] = {}
        self._declared = {function.name: function for function in args.stack.functions}
        for function in ("tool", "process"):
            self._make(function)
        process = self.functions["process"]
        sent = ResourceOptions.merge(self.inside(), ResourceOptions(depends_on=[process]))
        store = Output.secret(sha256_hex(args.database_url))
        migration = Migration("migration", process.name, REVISION, store, sent)
        for function in ("chat", "callback"):  # what people reach is replaced once the store is ready for it
            self._make(function, migration)
        self.register_outputs({"functions": {short: made.name for short, made in self.functions.items()}})

    def _make(self, function: str, after: Resource | None = None) -> None:
        args, declared = self._args, self._declared
        self.functions[function] = HostedFunction(
            function,
            FunctionArgs(
                function=declared[function],
                name=args.stack.config.function_name(function),
                code=args.code[function],
                role_arn=args.role_arns[declared[function].role],
                environment=self._environment(function),
                tags=args.tags,
                python=sys.executable if args.inputs.cloud_url else CLOUD_PYTHON,
                logs=args.logs,
                dead_letters=args.queue_arns.get(declared[function].asynchronous.dead_letters),
                after=after,
            ),
            self.inside(),
        )

    def _url(self, function: str) -> Input[str]:
        return self.functions[function].url if function in self.functions else ""

    def _environment(self, function: str) -> Output[Mapping[str, str]]:
        """Return the environment, known once its parts are; it holds keys, so all of it is a secret."""
        args = self._args

        def resolved(known: Mapping[str, object]) -> Mapping[str, str]:
            return function_environment(function, _resolved(args, known))

        parts = Output.all(
            secrets=args.secrets,
            app_ids=Output.all(**args.app_ids),
            sign_in_secret=args.sign_in_secret,
            workload_identity=args.workload_identity,
            process_url=self._url("process"),
            tool_url=self._url("tool"),
        )
        environment: Output[Mapping[str, str]] = Output.secret(parts.apply(resolved))
        return environment


def _resolved(args: RuntimeArgs, known: Mapping[str, object]) -> Resolved:
    secrets, app_ids = known["secrets"], known["app_ids"]
    assert isinstance(secrets, StackSecrets)
    assert isinstance(app_ids, dict)
    stack = args.stack
    return Resolved(
        config=stack.config,
        secrets=secrets,
        sign_in_client_id=app_ids[stack.identity_providers[0].application],
        sign_in_client_secret=Secret(str(known["sign_in_secret"])),
        public_clients={each.name: app_ids[each.application] for each in stack.oauth2_providers if each.application},
        workload_identity=str(known["workload_identity"]),
        queues=stack.queue_names,
        database_url=args.database_url,
        process_url=str(known["process_url"]),
        tool_url=str(known["tool_url"]),
        mcp_server=args.inputs.mcp_server,
        endpoints=args.inputs.endpoints,
        llm=llm_environment(args.inputs),
        agent=agent_in_package(args.agent) if args.agent else "",
        agent_about=args.agent_about,
    )


def llm_environment(inputs: StackInputs) -> dict[str, str]:
    """Return the variables that name the model: DashScope's unless an address is given."""
    key = inputs.llm_api_key.reveal() if inputs.llm_api_key else ""
    if not inputs.llm_base_url:
        return {"DASHSCOPE_API_KEY": key, "FUJIE_LLM_MODEL": inputs.llm_model}
    return {
        "FUJIE_LLM_BASE_URL": inputs.llm_base_url,
        "FUJIE_LLM_API_KEY": key or "none",
        "FUJIE_LLM_MODEL": inputs.llm_model,
    }
