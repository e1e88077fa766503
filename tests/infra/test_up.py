"""The real engine and provider on an emulated cloud: one life of a stack, in order."""

import json
import re
import ssl

import pytest

from fujie_emulator.fc import certificates
from fujie_emulator.ram.state import Ram
from fujie_emulator.sls import state as logs
from tests.agents.pushes.test_tls import certificate_for
from tests.infra.accounts import inventory

pytestmark = pytest.mark.engine
FUNCTIONS = ("chat", "process", "callback", "tool")


@pytest.fixture(scope="module")
def before(cloud):
    return inventory(cloud)


@pytest.fixture(scope="module")
def stack(pulumi, before, tmp_path_factory):
    run = pulumi()
    key, mark, chain = certificate_for("fujie.localhost", tmp_path_factory.mktemp("tls")).read_text().partition(BEGIN)
    run.give("config set --secret fujie:certificate_key", key)
    run.give("config set fujie:certificate", mark + chain)
    run.run("up", "--yes", "--skip-preview", *(word for each in GROWING for word in ("--config", each)))
    return run


BEGIN = "-----BEGIN CERTIFICATE-----"
GROWING = (
    "fujie:public_url=https://fujie.localhost",
    "fujie:session_affinity=true",
    'fujie:max_instances={"chat": 2, "tool": 3}',
    'fujie:warm_instances={"chat": 2}',
)
"""Its origin, and how its functions grow: kept in the stack's configuration from then on."""


def test_it_comes_up_from_nothing(stack, cloud):
    made = inventory(cloud)
    assert {"fujie-local-chat", "fujie-local-tool"} <= {key for service, kind, key in made if kind == "function"}
    assert ("agentidentity", "WorkloadIdentity", "fujie-local-agent") in made
    assert ("agentidentity", "APIKeyCredentialProvider", "fujie-local/weather") in made


def test_functions_grow_as_the_stack_says(stack, cloud):
    store, host = cloud.cloud.store, cloud.cloud.parts["functionhost"]
    reserved = {key: doc["reservedConcurrency"] for key, doc in store.list("fc", "concurrency")}
    assert reserved == {"fujie-local-chat": 2, "fujie-local-tool": 3}
    assert host.get("fujie-local-chat").pool.size == 2
    kinds = {each: store.get("fc", "function", f"fujie-local-{each}").get("sessionAffinity") for each in FUNCTIONS}
    assert kinds == {"chat": "GENERATED_COOKIE", "process": "HEADER_FIELD", "callback": None, "tool": None}


def test_what_a_function_prints_is_in_the_log_store_of_the_stack(stack, cloud):
    project = f"fujie-local-{cloud.account_id}"
    assert cloud.cloud.store.get("sls", "project", project)["tags"] == {"app": "fujie", "stack": "local"}
    assert cloud.cloud.store.get("sls", "index", f"{project}/functions")["line"]["token"]
    lines = list(logs.read(cloud.cloud, project, "functions", 0, 1 << 40, ""))
    assert "fujie-local-process" in {line["functionName"] for line in lines}
    assert cloud.cloud.store.get("sls", "logstore", f"{project}/functions")["ttl"] == 30


def test_the_stacks_origin_answers_with_its_certificate(stack, cloud):
    import httpx2

    trusted = ssl.create_default_context(cadata=stack.config()["fujie:certificate"])
    named = {"headers": {"host": "fujie.localhost"}, "extensions": {"sni_hostname": "fujie.localhost"}}
    with httpx2.Client(verify=trusted, trust_env=False, timeout=60) as http:
        me = http.get(f"{certificates.address(cloud.cloud)}/api/me", **named)
    assert (me.status_code, me.json()["user"]) == (200, None)


def test_the_migration_was_waited_for(stack, cloud):
    tasks = [doc["status"] for key, doc in cloud.cloud.store.list("fc", "async-task") if key.startswith("fujie-local-")]
    assert tasks == ["Succeeded"]


def test_a_second_time_nothing_changes(stack):
    assert "unchanged" in stack.run("up", "--yes", "--skip-preview", "--expect-no-changes")
    stack.run("preview", "--expect-no-changes")


def test_no_secret_is_in_the_state_or_was_told(stack):
    outputs = stack.outputs()
    secrets = list(outputs["provider_secrets"].values())
    state = stack.run("stack export")
    told = stack.run("preview", "--diff")
    assert secrets
    assert not [secret for secret in secrets if secret in state or secret in told]
    assert '"d":' not in state.replace('\\"', '"')  # no private key, a JWK with this member


def test_what_runs_is_what_was_deployed(stack, cloud):
    import httpx2

    urls = stack.outputs()["functions"]
    with httpx2.Client(trust_env=False, timeout=60) as http:
        me = http.get(f"{urls['chat']}/api/me")
        again = http.get(f"{urls['chat']}/api/me")
    assert (me.status_code, me.json()["user"]) == (200, None)
    assert "x-fc-cookie-session-id" in me.headers["set-cookie"]  # its session, by which it reaches its instance
    assert "x-fc-cookie-session-id" not in again.headers.get("set-cookie", "")


def test_refresh_finds_a_role_that_was_edited_by_hand_and_the_next_up_rights_it(stack, cloud):
    ram = Ram(cloud.cloud.account, cloud.cloud.store, cloud.cloud.clock)
    trust = ram.role("fujie-local-agent-role")["trust"]
    everyone = json.dumps(trust | {"Statement": [{**trust["Statement"][0], "Condition": {}}]})
    ram.update_role("fujie-local-agent-role", {"trust": everyone})
    told = stack.run("refresh", "--yes", "--skip-preview")
    assert re.search(r"ram:Role fujie-local-agent-role .*assumeRolePolicyDocument", told)
    stack.run("up", "--yes", "--skip-preview")
    assert ram.role("fujie-local-agent-role")["trust"] == trust


def test_what_was_deleted_behind_its_back_is_made_again(stack, cloud):
    store = cloud.cloud.store
    assert store.delete("agentidentity", "APIKeyCredentialProvider", "fujie-local/weather")
    assert store.delete("agentidentity", "WorkloadIdentity", "fujie-local-agent")
    told = stack.run("up", "--yes", "--skip-preview", "--refresh")
    assert "2 created" in told
    assert store.get("agentidentity", "WorkloadIdentity", "fujie-local-agent")


def test_a_provider_that_was_changed_by_hand_is_righted(stack, cloud):
    store = cloud.cloud.store
    key = "fujie-local-agent"
    found = store.get("agentidentity", "WorkloadIdentity", key)
    urls = {"AllowedResourceOAuth2ReturnURLs": ["https://evil.example/callback"]}
    store.put("agentidentity", "WorkloadIdentity", key, found | urls)
    told = stack.run("refresh", "--yes", "--skip-preview")
    assert re.search(r"WorkloadIdentity fujie-local-agent .*return_urls", told)
    assert "https://evil.example/callback" in stack.run("preview", "--diff")
    stack.run("up", "--yes", "--skip-preview")
    righted = store.get("agentidentity", "WorkloadIdentity", key)
    assert righted["AllowedResourceOAuth2ReturnURLs"] == found["AllowedResourceOAuth2ReturnURLs"]


def test_a_refresh_leaves_every_secret_encrypted(stack):
    state = stack.run("stack export")
    assert not [secret for secret in stack.outputs()["provider_secrets"].values() if secret in state]


def test_new_keys_are_made_for_a_new_generation_while_those_before_and_the_ledgers_stay(stack):
    told = stack.run("preview", "--config", "fujie:key_generation=2")
    made = set(re.findall(r"\s\+\s+\S*GeneratedKey (\S+)", told))
    signing = {f"signing-{function}-2" for function in ("chat", "process", "callback")}
    assert made == {"card-2", "sealing-2", "shared-cache-2", *signing}
    assert not re.findall(r"\s(?:-|\+-)\s+\S*GeneratedKey (\S+)", told)


def test_destroy_leaves_what_was_there_before(stack, cloud, before):
    stack.run("destroy", "--yes", "--skip-preview")
    assert inventory(cloud) == before
