"""Take one permission away: exactly the question that needs it fails, and says how to repair it."""

import json

import pytest
from alibabacloud_agentidentity20250901 import models as identity_models
from alibabacloud_agentidentity20250901.client import Client as IdentityClient
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from alibabacloud_tea_openapi.models import Config

from tests.e2e.questions import BY_NAME
from tests.e2e.test_journey import answered

pytestmark = pytest.mark.e2e

QUESTION_OF = {"weather": "weather", "schedule": "schedule", "time": "time"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    from tests.e2e.running import RunningStack

    running = RunningStack(tmp_path_factory.mktemp("negative")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def config(stack):
    return Config(
        access_key_id=stack.ready["access_key_id"],
        access_key_secret=stack.ready["access_key_secret"],
        endpoint=stack.cloud,
        region_id=stack.ready["region"],
    )


@pytest.fixture
def alice(person):
    someone = person("alice")
    assert answered(someone, BY_NAME["time"].en).status == "completed"
    return someone


class Policy:
    """The one policy of a role, changed and put back."""

    def __init__(self, config, stack, role):
        self.ram, self.stack, self.name = Client(config), stack, f"{role}-policy"
        request = models.GetPolicyRequest(policy_name=self.name, policy_type="Custom")
        self.document = json.loads(self.ram.get_policy(request).body.default_policy_version.policy_document)

    def put(self, document):
        self.ram.create_policy_version(
            models.CreatePolicyVersionRequest(
                policy_name=self.name,
                policy_document=json.dumps(document),
                set_as_default=True,
                rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
            )
        )
        self.stack.admin("POST", "functions/tool/restart")

    def without(self, action, resource=""):
        kept = [
            statement
            for statement in self.document["Statement"]
            if action not in statement["Action"] or not any(resource in one for one in statement["Resource"])
        ]
        assert len(kept) == len(self.document["Statement"]) - 1
        self.put(self.document | {"Statement": kept})

    def restore(self):
        self.put(self.document)


def outcome(alice, name):
    """Return None when the question was answered, else the failed tool call's error code."""
    answer = alice.ask(BY_NAME[name].en)
    assert answer.status == "completed", answer.events[-1]
    (metadata,) = [metadata for _, metadata in answer.tools]
    if metadata["ok"]:
        return None
    output = next(m["content"][0]["data"]["output"] for m in answer.messages("plugin_call_output"))
    assert "repair" in output
    return metadata["error_code"]


@pytest.mark.parametrize(
    ("role", "statement", "breaks"),
    [
        ("fujie-local-tool-role", ("agentidentitydata:GetResourceAPIKey",), "weather"),
        ("fujie-local-tool-role", ("agentidentitydata:GetResourceOAuth2Token",), "time"),
        ("fujie-local-agent-role", ("oss:GetObject", "schedule.json"), "schedule"),
    ],
    ids=["API keys", "OAuth tokens", "objects"],
)
def test_without_one_statement_only_its_question_fails(stack, config, alice, role, statement, breaks):
    policy = Policy(config, stack, role)
    policy.without(*statement)
    try:
        outcomes = {name: outcome(alice, name) for name in QUESTION_OF}
    finally:
        policy.restore()
    assert {name for name, code in outcomes.items() if code} == {breaks}
    assert outcome(alice, breaks) is None


def test_without_the_callbacks_statement_a_consent_cannot_be_completed_until_it_is_back(stack, config, alice):
    policy = Policy(config, stack, "fujie-local-callback-role")
    policy.without("agentidentitydata:CompleteResourceTokenAuth")
    waiting = alice.ask(BY_NAME["instances"].en)
    try:
        refused = alice.allow(waiting.consents[0]["connect_url"])
        others = {name: outcome(alice, name) for name in QUESTION_OF}
    finally:
        policy.restore()
    assert refused.status_code >= 500
    assert others == dict.fromkeys(QUESTION_OF)
    assert alice.open(str(refused.url)).status_code == 200, "a reload of the page is enough"
    assert alice.follow(waiting).status == "completed"


def test_without_the_trust_condition_met_sts_fails_alone(stack, config, alice):
    ram = Client(config)
    role = "fujie-local-agent-role"
    trust = ram.get_role(models.GetRoleRequest(role_name=role)).body.role.assume_role_policy_document
    foreign = trust.replace("workloadidentity/fujie-local-agent", "workloadidentity/somebody-else")
    assert foreign != trust
    ram.update_role(models.UpdateRoleRequest(role_name=role, new_assume_role_policy_document=foreign))
    stack.admin("POST", "functions/tool/restart")
    try:
        outcomes = {name: outcome(alice, name) for name in QUESTION_OF}
    finally:
        ram.update_role(models.UpdateRoleRequest(role_name=role, new_assume_role_policy_document=trust))
        stack.admin("POST", "functions/tool/restart")
    assert {name for name, code in outcomes.items() if code} == {"schedule"}


def test_without_one_provider_only_its_question_fails(stack, config, alice):
    client = IdentityClient(config)
    client.delete_apikey_credential_provider(
        identity_models.DeleteAPIKeyCredentialProviderRequest(apikey_credential_provider_name="weather")
    )
    stack.admin("POST", "functions/tool/restart")
    key = json.loads((stack.state / "keys.json").read_text())["provider/weather"]
    try:
        outcomes = {name: outcome(alice, name) for name in QUESTION_OF}
    finally:
        client.create_apikey_credential_provider(
            identity_models.CreateAPIKeyCredentialProviderRequest(apikey_credential_provider_name="weather", apikey=key)
        )
        stack.admin("POST", "functions/tool/restart")
    assert {name for name, code in outcomes.items() if code} == {"weather"}


def test_a_narrowed_credential_reads_its_one_object_and_nothing_else(stack, config, alice):
    """The session policy that the product made for Alice's schedule, tried on everything else."""
    import oss2
    from alibabacloud_agentidentitydata20251127 import models as data_models
    from alibabacloud_agentidentitydata20251127.client import Client as DataClient

    from tests.e2e.test_process_by_curl import token_of

    bucket = f"fujie-local-{stack.ready['account_id']}"
    me = alice.me()["user"]["id"]
    data = DataClient(config)
    token = data.get_workload_access_token_for_jwt(
        data_models.GetWorkloadAccessTokenForJWTRequest(
            workload_identity_name="fujie-local-agent", user_token=token_of(stack, "alice")
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
    operator = oss2.Bucket(oss2.Auth(config.access_key_id, config.access_key_secret), stack.cloud, bucket)
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
    return session_policy(tool.credential, Scope(user_id, f"fujie-local-{stack.ready['account_id']}"), {})
