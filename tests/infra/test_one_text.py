"""The declaration that `fujie dev` applies and the one that Pulumi applies make the same resources."""

import json

import pytest

from fujie.secret import Secret
from fujie.tools.manifest import providers_needed
from fujie_emulator.testing import running
from functions.tool.manifest import TOOLS
from infra.declaration import declare
from infra.emulated import with_partners
from infra.ensure import ensure_entrance, ensure_identity
from infra.inputs import inputs_from_config
from infra.providers.clients import CloudClients, OperatorKey
from infra.stack_secrets import load_or_create

pytestmark = pytest.mark.engine

KINDS = (
    ("agentidentity", "APIKeyCredentialProvider"),
    ("agentidentity", "IdentityProvider"),
    ("agentidentity", "OAuth2CredentialProvider"),
    ("agentidentity", "TokenVault"),
    ("agentidentity", "WorkloadIdentity"),
    ("ims", "application"),
    ("oss", "bucket"),
    ("ram", "policy"),
    ("ram", "role"),
)
# What each cloud chooses, secrets, and the tags, with which only Pulumi marks what is its own.
NOT_COMPARED = {"CreateTime", "UpdateTime", "created", "created_at", "updated", "id", "at", "tags", "APIKey",
                "ClientSecret"}  # fmt: skip


def resources(cloud):
    """Return the documents of the declared kinds with the cloud's address and its applications' ids by name."""
    store = cloud.cloud.store
    apps = {doc["app_id"]: doc["app_name"] for _, doc in store.list("ims", "application")}
    found = {}
    for service, kind in KINDS:
        for key, doc in store.list(service, kind):
            port = cloud.url.rpartition(":")[2]
            text = json.dumps(without(doc)).replace(cloud.url, "{cloud}").replace(f".localhost:{port}", ".localhost")
            for app_id, name in apps.items():
                text = text.replace(app_id, f"{{{name}}}")
            found[service, kind, apps.get(key, key)] = json.loads(text)
    return found


def without(value):
    if isinstance(value, dict):
        return {key: without(each) for key, each in value.items() if key not in NOT_COMPARED}
    if isinstance(value, str) and value.startswith("{"):
        return without(json.loads(value))
    return [without(each) for each in value] if isinstance(value, list) else value


def ensured(cloud, config, folder):
    stack = declare(config, TOOLS)
    secrets = load_or_create(folder / "keys.json", [need.name for need in providers_needed(TOOLS)])
    clients = CloudClients(config.address, OperatorKey(cloud.access_key_id, Secret(cloud.access_key_secret)))
    ensure_identity(stack, clients, secrets, ensure_entrance(stack, clients))
    return resources(cloud)


def test_both_make_the_same_of_every_resource(pulumi, cloud, tmp_path):
    run = pulumi()
    values = run.config()
    with running(tmp_path / "other") as other:
        inputs = with_partners(inputs_from_config(values, "local", {"FUJIE_CLOUD_URL": other.url}), TOOLS)
        by_ensure = ensured(other, inputs.stack_config("local"), tmp_path)
    functions = (
        part
        for kind in ("HostedFunction", "Domain", "BucketObject", "Migration")
        for part in ("--exclude", f"**{kind}**")
    )
    run.run("up", "--yes", "--skip-preview", *functions)
    by_pulumi = resources(cloud)
    code = ("oss", "bucket", f"fujie-local-code-{cloud.account_id}")
    assert by_pulumi.pop(code)
    assert len(by_pulumi) > 15
    assert by_pulumi == by_ensure
