"""Take one thing away: what needs it fails, and says how to repair it, and nothing else.

In tests/infra/deployed everything is taken, of a deployed stack.
"""

import json

import pytest

from tests.e2e.abilities import SHIPPED, outcomes
from tests.e2e.questions import BY_NAME
from tests.e2e.taking_away import API_KEYS, COMPLETING, OAUTH_TOKENS, OF_THE_AGENT, ONE_OBJECT, WEATHER, without

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    from tests.e2e.running import RunningStack

    running = RunningStack(tmp_path_factory.mktemp("negative")).start()
    yield running
    running.stop()


@pytest.fixture
def alice(person):
    return person("alice")


@pytest.mark.parametrize("thing", [API_KEYS, OAUTH_TOKENS, ONE_OBJECT, COMPLETING, OF_THE_AGENT, WEATHER], ids=str)
def test_without_one_thing_what_needs_it_fails_and_nothing_else(stack, alice, thing):
    with without(stack, thing):
        found = outcomes(stack, alice, SHIPPED)
    assert {name for name, code in found.items() if code} == thing.breaks & SHIPPED


def test_with_everything_put_back_everything_works(stack, alice):
    assert outcomes(stack, alice, SHIPPED) == dict.fromkeys(SHIPPED)


def test_a_consent_that_could_not_be_completed_is_by_a_reload_of_the_page_once_it_can(stack, person):
    bob = person("bob")
    waiting = bob.ask(BY_NAME["instances"].en)
    with without(stack, COMPLETING):
        refused = bob.allow(waiting.consents[0]["connect_url"])
    assert refused.status_code >= 500
    assert bob.open(str(refused.url)).status_code == 200, "a reload of the page is enough"
    assert bob.follow(waiting).status == "completed"


def test_a_narrowed_credential_reads_its_one_object_and_nothing_else(stack, alice):
    """The session policy that the product made for Alice's schedule, tried on everything else."""
    import oss2
    from alibabacloud_agentidentitydata20251127 import models as data_models
    from alibabacloud_agentidentitydata20251127.client import Client as DataClient

    from tests.e2e.test_process_by_curl import token_of

    bucket = f"{stack.name}-{stack.ready['account_id']}"
    me = alice.me()["user"]["id"]
    data = DataClient(stack.config)
    token = data.get_workload_access_token_for_jwt(
        data_models.GetWorkloadAccessTokenForJWTRequest(
            workload_identity_name=f"{stack.name}-agent", user_token=token_of(stack, "alice")
        )
    ).body.workload_access_token
    policy = session_policy_of(stack, me)
    assumed = data.assume_role_for_workload_identity(
        data_models.AssumeRoleForWorkloadIdentityRequest(
            workload_access_token=token, role_session_name="test", duration_seconds=900, policy=json.dumps(policy)
        )
    ).body.credentials
    auth = oss2.StsAuth(assumed.access_key_id, assumed.access_key_secret, assumed.security_token)
    objects = oss2.Bucket(auth, stack.cloud, bucket)
    assert objects.get_object(f"users/{me}/schedule.json").read()
    operator = oss2.Bucket(
        oss2.Auth(stack.ready["access_key_id"], stack.ready["access_key_secret"]), stack.cloud, bucket
    )
    keys = [entry.key for entry in oss2.ObjectIterator(operator)]
    assert len(keys) >= 4
    for key in keys:
        if key != f"users/{me}/schedule.json":
            with pytest.raises(oss2.exceptions.AccessDenied):
                objects.get_object(key)


def session_policy_of(stack, user_id):
    from fujie.tools.narrowing import Scope, session_policy
    from functions.tool.manifest import TOOLS

    tool = next(tool for tool in TOOLS if tool.name == "get_schedule")
    return session_policy(tool.credential, Scope(user_id, f"{stack.name}-{stack.ready['account_id']}"), {})
