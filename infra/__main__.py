"""The stack as a Pulumi program: a list of its parts, made from the one declaration that `fujie dev` applies, too."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Pulumi runs this folder as a program, which would let its `packaging` and `config` hide others'.
sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != ROOT / "infra")]

import pulumi  # noqa: E402 - after the path is as it should be

from fujie.errors import FujieError  # noqa: E402
from infra.components.cloud import provider_of  # noqa: E402
from infra.components.credentials import Credentials, CredentialsArgs  # noqa: E402
from infra.components.domain import Domain, DomainArgs  # noqa: E402
from infra.components.identity import Identity, IdentityArgs  # noqa: E402
from infra.components.keys import Keys, KeysArgs  # noqa: E402
from infra.components.observability import Observability, ObservabilityArgs  # noqa: E402
from infra.components.packages import Packages, PackagesArgs  # noqa: E402
from infra.components.queues import Queues, QueuesArgs  # noqa: E402
from infra.components.roles import Roles, RolesArgs  # noqa: E402
from infra.components.runtime import Runtime, RuntimeArgs  # noqa: E402
from infra.components.sign_in import SignIn, SignInArgs  # noqa: E402
from infra.components.storage import Storage, StorageArgs  # noqa: E402
from infra.components.triggers import Triggers, TriggersArgs  # noqa: E402
from infra.program import database_of, is_cloud_the_proxy, keeps_logs, planned, tags_of  # noqa: E402

name = pulumi.get_stack()
through_cloud = is_cloud_the_proxy(os.environ)
try:
    plan = planned(name, pulumi.runtime.config.CONFIG.get(), os.environ, ROOT)
except FujieError as error:  # one sentence instead of a traceback
    raise pulumi.RunError(f"{error} ({error.repair})" if error.repair else str(error)) from None
if plan.doubt:
    pulumi.log.warn(plan.doubt)
inputs, stack = plan.inputs, plan.stack
tags, protect = tags_of(name), inputs.protect_data
cloud = pulumi.ResourceOptions(providers=[provider_of(stack.config)])

keys = Keys("keys", KeysArgs(inputs.key_generation, plan.own_secrets))
roles = Roles("roles", RolesArgs(stack.roles, tags), cloud)
sign_in = SignIn("sign-in", SignInArgs(stack.applications, inputs.key_generation))
identity = Identity("identity", IdentityArgs(stack, sign_in.app_ids, roles.arns))
given = {provider: secret.reveal() for provider, secret in inputs.provider_secrets.items()}
credentials = Credentials(
    "credentials", CredentialsArgs(stack, sign_in.app_ids, {**given, **keys.provider_secrets}, protect)
)
storage = Storage("storage", StorageArgs(stack.buckets, tags, protect), cloud)
queue_arns = Queues("queues", QueuesArgs(stack.queues, stack.config, tags), cloud).arns if stack.queues else {}
code = Packages("packages", PackagesArgs(stack.config.code_bucket, plan.packages, tags), cloud)
logs = None
if keeps_logs(inputs, through_cloud=through_cloud):
    logs = Observability(
        "logs", ObservabilityArgs(stack.config.log_project, inputs.log_retention_days, tags), cloud
    ).logs
runtime = Runtime(
    "runtime",
    RuntimeArgs(
        stack=stack,
        inputs=inputs,
        database_url=database_of(inputs, ROOT),
        code=code.code,
        role_arns=roles.arns,
        app_ids=sign_in.app_ids,
        sign_in_secret=sign_in.secrets[stack.identity_providers[0].application],
        workload_identity=identity.names[0],
        secrets=keys.secrets,
        tags=tags,
        queue_arns=queue_arns,
        logs=logs,
        agent=plan.agent,
        agent_about=plan.about,
    ),
    # What runs finds its providers; one that was renamed goes after those that used it have moved.
    pulumi.ResourceOptions.merge(cloud, pulumi.ResourceOptions(depends_on=[credentials])),
)
functions = {short: function.name for short, function in runtime.functions.items()}
if stack.triggers:
    reached = TriggersArgs(stack.triggers, stack.config, functions["tool"], storage.names, roles.arns)
    Triggers("triggers", reached, cloud)
if inputs.domain:
    key = inputs.certificate_key.reveal() if inputs.certificate_key else ""
    Domain("domain", DomainArgs(inputs.domain, inputs.certificate, key, stack.routes, functions), cloud)

pulumi.export("url", inputs.public_url)
pulumi.export("functions", {short: function.url for short, function in runtime.functions.items()})
pulumi.export("sign_in_client_id", sign_in.app_ids[stack.identity_providers[0].application])
pulumi.export("provider_secrets", keys.provider_secrets)
