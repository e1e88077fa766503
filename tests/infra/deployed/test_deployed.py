"""What `pulumi up` made, used by people in Chromium; then each thing that it is made of, taken away in turn."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest
from alibabacloud_agentidentity20250901 import models as identity
from alibabacloud_agentidentitydata20251127 import models
from alibabacloud_agentidentitydata20251127.client import Client
from alibabacloud_ram20150501.models import ListRolesRequest
from alibabacloud_tea_openapi.exceptions import ClientException
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from fujie.cli.dev import READY_PATHS
from infra.components.domain import PLATFORM_PATHS
from infra.declaration import ROUTES
from infra.providers.workload_identity import WORKLOAD_IDENTITY
from tests.e2e.abilities import ASKED_ANEW, SHIPPED, outcomes, withdraw
from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.taking_away import (
    ACTIONS,
    CALLING_CHAT,
    FUNCTION_TRUSTS,
    OF_THE_AGENT,
    RESOURCES,
    policy_document,
    put_trust,
    trust_document,
    without,
)

pytestmark = pytest.mark.engine
ABILITIES = SHIPPED | {"robots"}
DEADLINE_S = 60


@pytest.fixture(scope="module")
def alice(stack):
    someone = Person(stack, "alice").sign_in()
    yield someone
    someone.close()


@pytest.mark.browser
@pytest.mark.parametrize(("user", "language"), [("alice", "en"), ("bob", "zh")])
def test_a_person_signs_in_and_what_needs_no_permission_is_answered(profile, user, language):
    person = profile(user, language)
    for name in ("weather", "robots", "schedule"):
        person.ask(getattr(BY_NAME[name], language))
        expect(person.page.locator("main")).to_contain_text(re.compile("|".join(BY_NAME[name].shows)))
    person.assert_clean()


@pytest.mark.browser
def test_permission_is_asked_for_and_given_and_the_document_written(stack, profile):
    before = stack.last_request()
    alice = profile()
    permitted(alice, "document")
    expect(alice.page.locator("main")).to_contain_text("notes says:")
    expect(alice.page.locator("main")).to_contain_text("hello")
    written = [row["caller"]["name"] for row in stack.requests(before) if row["action"] == "WriteDocument"]
    assert written == ["alice"]
    alice.assert_clean()


@pytest.mark.browser
def test_permission_is_given_at_alibaba_cloud_too(profile):
    bob = profile("bob")
    permitted(bob, "instances")
    expect(bob.page.locator("main")).to_contain_text("i-")
    bob.assert_clean()


def permitted(person, name):
    """Ask what needs permission, and give it in a second tab."""
    person.ask(BY_NAME[name].en)
    expect(person.card()).to_be_visible()
    person.allow_everywhere(person.review())
    expect(person.page.get_by_text("Allowed").first).to_be_visible()


def test_what_answered_was_the_packages_that_were_deployed(stack):
    running = dict(filter(None, map(function_and_place, stack.dev.processes())))
    places = {running[f"{stack.name}-{function}"] for function in READY_PATHS}
    assert all(place.startswith(f"{stack.dev.state}/cloud/") for place in places)


def function_and_place(process):
    """Return the name of the function that the process runs, and where, if it runs one and still does."""
    try:
        environ = process.environ()
        return (environ["FC_FUNCTION_NAME"], process.cwd()) if "FC_FUNCTION_NAME" in environ else None
    except psutil.Error:
        return None


def test_each_path_of_the_one_origin_leads_to_its_function_and_those_of_the_platform_to_none(stack, alice):
    def reached(path):
        """Return the functions that a request for the path invokes."""
        before = invocations(stack)
        answer = alice.http.get(stack.url + path)
        after = invocations(stack)
        return answer.status_code, {name for name in after if after[name] > before[name]}

    for path, function in ROUTES:
        assert function in reached(path.replace("*", "x"))[1], path
    for path in PLATFORM_PATHS:
        assert reached(path) == (404, set())


def invocations(stack):
    functions = stack.functions()
    return {name: functions[stack.function_prefix + name]["invocations"] for name in READY_PATHS}


def test_a_web_socket_reaches_the_agent_who_refuses_a_stranger(stack):
    here = socket.create_connection(("127.0.0.1", int(stack.url.rpartition(":")[2])))
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{stack.url.replace('http', 'ws')}/ws", sock=here, proxy=None),
    ):
        pass
    answer = refused.value.response
    assert (answer.status_code, "x-fc-error-type" in answer.headers) == (401, False)


@pytest.mark.parametrize("thing", [*ACTIONS, OF_THE_AGENT, *RESOURCES], ids=str)
def test_without_one_thing_what_needs_it_fails_and_nothing_else(stack, alice, thing):
    with without(stack, thing):
        found = outcomes(stack, alice, ABILITIES)
    assert {name for name, code in found.items() if code} == thing.breaks


@pytest.mark.parametrize("thing", FUNCTION_TRUSTS, ids=str)
def test_a_function_whose_role_trusts_somebody_else_does_not_answer_and_the_others_do(stack, thing):
    with without(stack, thing):
        assert refusing(stack) == {thing.role}


def refusing(stack):
    """Return the functions that the platform cannot run."""
    stack.freshen()
    with httpx2.Client(trust_env=False, timeout=DEADLINE_S) as http:
        answers = {name: http.get(stack.outputs["functions"][name] + path) for name, path in READY_PATHS.items()}
    return {name for name, answer in answers.items() if "x-fc-error-type" in answer.headers}


def test_the_trusts_condition_keeps_out_another_identity_that_has_the_role(stack):
    ours = WORKLOAD_IDENTITY.find(stack.clients, {"name": f"{stack.name}-agent"})
    stranger = ours | {"name": f"{stack.name}-stranger"}
    role, condition = f"{stack.name}-agent-role", re.compile(r'"Condition":\s*\{.*?\}\}')
    trust = trust_document(stack, role)
    unconditional, times = condition.subn('"Condition": {}', trust)
    assert times == 1
    WORKLOAD_IDENTITY.create(stack.clients, stranger)
    try:
        assert code_of_assuming(stack, stranger["name"]) == "NoPermission"
        put_trust(stack, role, unconditional)
        assert code_of_assuming(stack, stranger["name"]) is None
    finally:
        put_trust(stack, role, trust)
        WORKLOAD_IDENTITY.delete(stack.clients, stranger)
    assert code_of_assuming(stack, ours["name"]) is None


def code_of_assuming(stack, identity):
    """Return the code with which the cloud refuses this identity its role, None when it does not."""
    data = Client(stack.config)
    asked = models.GetWorkloadAccessTokenRequest(workload_identity_name=identity)
    token = data.get_workload_access_token(asked).body.workload_access_token
    try:
        data.assume_role_for_workload_identity(
            models.AssumeRoleForWorkloadIdentityRequest(workload_access_token=token, role_session_name="test")
        )
    except ClientException as error:
        return error.code
    return None


def test_without_chats_permission_a_permission_that_ran_out_wakes_nobody_until_it_is_back(stack, alice):
    withdraw(alice, ASKED_ANEW)
    answer = alice.ask(BY_NAME[ASKED_ANEW].en)
    before = stack.last_request()
    with ThreadPoolExecutor(1) as pool:
        with without(stack, CALLING_CHAT):
            stack.advance_clock(11 * 60)
            watching = pool.submit(alice.follow, answer)
            until = time.monotonic() + DEADLINE_S
            while not (sent := [row for row in stack.requests(before) if row["action"] == "InvokeFunction"]):
                assert time.monotonic() < until
                time.sleep(0.05)
        whole = watching.result()
    assert (sent[0]["code"], sent[0]["caller"]["arn"].split("/")[1]) == ("NoPermission", f"{stack.name}-chat-role")
    assert (whole.status, whole.outcomes) == ("completed", ["expired"])


def test_nothing_that_the_stack_is_made_of_was_left_out(stack):
    roles = own_roles(stack)
    assert roles == {thing.role for thing in (OF_THE_AGENT, *FUNCTION_TRUSTS)}
    allowed = [
        (role, action, statement["Resource"])
        for role in roles - {"process"}
        for statement in policy_document(stack, f"{stack.name}-{role}-role-policy")["Statement"]
        for action in statement["Action"]
    ]
    assert [sum(thing.is_of(*each) for thing in ACTIONS) for each in allowed] == [1] * len(ACTIONS)
    assert names_in_the_vault(stack) == {thing.name for thing in RESOURCES if "token_vault" in thing.kind.key}


def own_roles(stack):
    """Return the short names of the stack's roles."""
    listed = stack.clients.ram.list_roles(ListRolesRequest(max_items=100)).body.roles.role
    return {
        role.role_name.removeprefix(f"{stack.name}-").removesuffix("-role")
        for role in listed
        if role.role_name.startswith(f"{stack.name}-")
    }


def names_in_the_vault(stack):
    client, vault = stack.clients.agentidentity, {"token_vault_name": stack.token_vault}
    keys = client.list_apikey_credential_providers(identity.ListAPIKeyCredentialProvidersRequest(**vault)).body
    clients = client.list_oauth2_credential_providers(identity.ListOAuth2CredentialProvidersRequest(**vault)).body
    return {each.apikey_credential_provider_name for each in keys.apikey_credential_providers} | {
        each.oauth2_credential_provider_name for each in clients.oauth2_credential_providers
    }


def test_with_everything_put_back_everything_works(stack, alice):
    assert outcomes(stack, alice, ABILITIES) == dict.fromkeys(ABILITIES)
    assert refusing(stack) == set()


def test_the_stack_of_the_laptop_is_as_it_was(stack, person):
    """Both are in one emulated account."""
    alice = person("alice", on=stack.dev)
    assert outcomes(stack.dev, alice, SHIPPED) == dict.fromkeys(SHIPPED)
