"""Contracts that hold over all components, on the program as it runs, without an engine."""

import json

import pulumi
import pytest
from pulumi.resource import Resource

from fujie.errors import SettingsError
from functions.tool.manifest import TOOLS
from infra.declaration import ROUTES, Role, Statement
from infra.inputs import inputs_from_config
from infra.program import check_policies
from tests.infra.mocked import ACCOUNT, SECRETS, bare, in_clear, run_program

TYPES = {
    "pulumi:providers:alicloud",
    "fujie:infra:Credentials",
    "fujie:infra:Domain",
    "fujie:infra:HostedFunction",
    "fujie:infra:Identity",
    "fujie:infra:Keys",
    "fujie:infra:Observability",
    "fujie:infra:Packages",
    "fujie:infra:Roles",
    "fujie:infra:Runtime",
    "fujie:infra:SignIn",
    "fujie:infra:Storage",
    "pulumi-python:dynamic/fujie:APIKeyCredentialProvider",
    "pulumi-python:dynamic/fujie:GeneratedKey",
    "pulumi-python:dynamic/fujie:IdentityProvider",
    "pulumi-python:dynamic/fujie:Migration",
    "pulumi-python:dynamic/fujie:OAuth2CredentialProvider",
    "pulumi-python:dynamic/fujie:OAuthApplication",
    "pulumi-python:dynamic/fujie:OAuthApplicationSecret",
    "pulumi-python:dynamic/fujie:TokenVault",
    "pulumi-python:dynamic/fujie:WorkloadIdentity",
    "alicloud:fc/v3AsyncInvokeConfig:V3AsyncInvokeConfig",
    "alicloud:fc/v3CustomDomain:V3CustomDomain",
    "alicloud:fc/v3Function:V3Function",
    "alicloud:fc/v3Trigger:V3Trigger",
    "alicloud:log/project:Project",
    "alicloud:log/store:Store",
    "alicloud:log/storeIndex:StoreIndex",
    "alicloud:oss/bucket:Bucket",
    "alicloud:oss/bucketObject:BucketObject",
    "alicloud:ram/policy:Policy",
    "alicloud:ram/role:Role",
    "alicloud:ram/rolePolicyAttachment:RolePolicyAttachment",
}
TAGGED = ("Role", "Policy", "Bucket", "V3Function", "Project")
NAME_FIELDS = ("roleName", "policyName", "bucket", "functionName", "projectName", "name")
# The account has one name space for these; those of a vault, a log project or a function are apart already.
ACCOUNT_WIDE = ("Role", "Policy", "Bucket", "V3Function", "Project", "OAuthApplication", "TokenVault",
                "IdentityProvider", "WorkloadIdentity")  # fmt: skip
# What a statement may leave wide: actions for which the cloud knows no resource.
WIDE = {"agentidentitydata:GetWorkloadAccessTokenForJWT", "agentidentitydata:CompleteResourceTokenAuth"}


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield run_program(patch, tmp_path_factory.mktemp("packages"))


def resources(declared, *kinds):
    return [each for each in declared.resources if each.typ.rpartition(":")[2] in kinds]


def name_of(resource):
    return next(bare(resource.inputs[field]) for field in NAME_FIELDS if field in resource.inputs)


def test_the_type_tokens_are_the_promised_ones(declared):
    assert declared.types() == TYPES


def test_logical_names_are_promises_too(declared):
    names = {(each.typ, each.name) for each in declared.resources}
    assert len(names) == len(declared.resources)
    assert {each.name for each in resources(declared, "V3Function")} == {"tool", "process", "chat", "callback"}


def test_whatever_can_be_tagged_says_whose_it_is(declared):
    assert all(each.inputs["tags"] == {"app": "fujie", "stack": "dev"} for each in resources(declared, *TAGGED))


def test_whatever_has_a_description_for_it_bears_the_stacks_mark(declared):
    kinds = ("IdentityProvider", "WorkloadIdentity", "TokenVault", "OAuth2CredentialProvider",
             "APIKeyCredentialProvider")  # fmt: skip
    assert {each.inputs["description"] for each in resources(declared, *kinds)} == {"Fujie stack dev"}


def test_two_stacks_share_no_name_in_one_account(declared, monkeypatch, tmp_path):
    other = run_program(monkeypatch, tmp_path, "pr-12")
    ours, theirs = ({(r.typ, name_of(r)) for r in resources(each, *ACCOUNT_WIDE)} for each in (declared, other))
    assert ours & theirs == set()
    callbacks = [
        {p["callback_url"] for p in each.of("OAuth2CredentialProvider").values()} for each in (declared, other)
    ]
    assert callbacks[0] & callbacks[1] == set()


def statements(declared):
    for policy in resources(declared, "Policy"):
        for statement in json.loads(policy.inputs["policyDocument"])["Statement"]:
            yield policy.name, statement


def test_nothing_is_allowed_on_everything_where_less_is_known(declared):
    wide = {action for _, each in statements(declared) if "*" in each["Resource"] for action in each["Action"]}
    assert wide == WIDE
    assert not [action for _, each in statements(declared) for action in each["Action"] if "*" in action]


def test_a_statement_names_this_account_or_this_stacks_bucket(declared):
    for name, each in statements(declared):
        for resource in set(each["Resource"]) - {"*"}:
            assert f":{ACCOUNT}:" in resource or f":fujie-dev-{ACCOUNT}/" in resource, (name, resource)


def test_a_function_may_invoke_only_this_stacks_process(declared):
    invoked = {r for _, each in statements(declared) if "fc:InvokeFunction" in each["Action"] for r in each["Resource"]}
    assert invoked == {f"acs:fc:cn-beijing:{ACCOUNT}:functions/fujie-dev-process"}


def test_the_workloads_role_is_trusted_for_this_identity_only(declared):
    trust = json.loads(declared.of("Role")["fujie-dev-agent-role"]["assumeRolePolicyDocument"])
    (statement,) = trust["Statement"]
    arn = f"acs:agentidentity:cn-beijing:{ACCOUNT}:workloadidentitydirectory/default/workloadidentity/fujie-dev-agent"
    assert statement["Condition"] == {"StringEquals": {"sts:RequestContext/agentidentity:WorkloadIdentityArn": arn}}


def test_no_secret_is_told_in_clear(declared):
    clear = json.dumps([in_clear(each.inputs) for each in declared.resources], default=str)
    told = json.dumps([bare(each.inputs) for each in declared.resources], default=str)
    secrets = (
        *SECRETS,
        "private of sealing",
        "private of ledger",
        "private of signing-chat",
        "the-applications-secret",
    )
    assert not [secret for secret in secrets if secret in clear]
    assert not [secret for secret in secrets if secret not in told]


def test_each_functions_environment_holds_only_its_own_secrets(declared):
    environments = {name: json.dumps(each["environmentVariables"]) for name, each in declared.of("V3Function").items()}
    holders = {
        secret: {name for name, text in environments.items() if secret in text}
        for secret in (
            *SECRETS,
            "private of sealing",
            "private of ledger",
            "private of signing-chat",
            "the-applications-secret",
        )
    }
    assert holders["the-models-key"] == {"process"}
    assert holders["private of sealing"] == {"tool", "callback"}
    assert holders["private of ledger"] == {"tool"}
    assert holders["the-applications-secret"] == {"chat", "tool", "callback"}
    assert holders["private of signing-chat"] == {"chat"}
    assert not any(holders[secret] for secret in ("dingtalks-secret", "weathers-key", "the-domains-key"))


def test_every_environment_fits_the_platforms_limit(declared):
    for each in declared.of("V3Function").values():
        assert sum(len(key) + len(value) for key, value in each["environmentVariables"].items()) < 4096


def test_only_tool_is_closed_to_the_internet(declared):
    closed = {
        each.inputs["functionName"]
        for each in resources(declared, "V3Trigger")
        if json.loads(each.inputs["triggerConfig"])["disableURLInternet"]
    }
    assert closed == {"fujie-dev-tool"}
    assert declared.of("V3Function")["process"]["environmentVariables"]["FUJIE_TOOL_URL"].endswith("/vpc")


def test_custom_runtimes_run_the_clouds_python(declared):
    custom = declared.of("V3Function")["chat"]["customRuntimeConfig"]
    assert custom == {"commands": ["/var/fc/lang/python3.12/bin/python3", "-m", "functions.chat.main"], "port": 9000}
    assert declared.of("V3Function")["tool"]["handler"] == "index.handler"


def test_the_domain_serves_the_route_table(declared):
    (domain,) = declared.of("V3CustomDomain").values()
    rows = [(route["path"], route["functionName"]) for route in domain["routeConfig"]["routes"]]
    assert rows == [(path, f"fujie-dev-{function}") for path, function in ROUTES]
    assert (domain["customDomainName"], domain["protocol"]) == ("agent.example", "HTTPS")


@pytest.mark.parametrize("path", sorted({pattern.replace("*", "x/y") for pattern, _ in ROUTES}))
def test_the_first_route_that_fits_is_the_longest(path):
    """Function Compute takes an exact path, else the longest pattern; our own router the first."""
    fitting = [row for row in ROUTES if path == row[0] or (row[0].endswith("*") and path.startswith(row[0][:-1]))]
    exact = [row for row in fitting if row[0] == path]
    assert max(exact or fitting, key=lambda row: len(row[0]))[1] == fitting[0][1]


def test_packages_lie_under_their_hash(declared):
    assert declared.of("BucketObject")["code-chat"]["key"] == "code/chat/chat-sha.zip"
    assert declared.of("V3Function")["chat"]["code"]["ossObjectName"] == "code/chat/chat-sha.zip"


def test_the_providers_are_those_that_tools_declare(declared):
    wanted = {tool.credential.provider for tool in TOOLS if tool.credential} - {"sts"}
    assert set(declared.of("OAuth2CredentialProvider")) | set(declared.of("APIKeyCredentialProvider")) == wanted


def test_a_stack_without_logs_or_domain_declares_none(monkeypatch, tmp_path):
    local = run_program(
        monkeypatch, tmp_path, "local", cloud_url="http://127.0.0.1:1", public_url="http://localhost:2",
        provider_secrets=None, database_url=None,
    )  # fmt: skip
    assert not resources(local, "Project", "V3CustomDomain")
    assert {"provider-dingtalk", "provider-time", "provider-weather"} <= set(local.of("GeneratedKey"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"region": None}, "region is missing"),
        ({"account_id": "12"}, "account_id has 16 digits"),
        ({"public_url": "http://agent.example"}, "public_url is https"),
        ({"public_url": "https://localhost"}, "public_url names a domain of the account"),
        ({"certificate_key": None}, "certificate_key"),
        ({"database_url": None}, "database_url"),
        ({"key_generation": "soon"}, "key_generation is not a number"),
        ({"protect_data": "1"}, "protect_data is not true or false"),
        ({"adopt": "[7]"}, "adopt is not a list of texts"),
        ({"issuers": "[]"}, "issuers is not a map of texts"),
        ({"provider_secrets": '{"weather": "k"}'}, "no secret for dingtalk, time"),
    ],
)
def test_bad_configuration_is_refused_in_one_sentence_before_anything_is_declared(
    monkeypatch, tmp_path, changes, sentence
):
    with pytest.raises(pulumi.RunError, match=sentence) as refused:
        run_program(monkeypatch, tmp_path, **changes)
    assert not [secret for secret in SECRETS if secret in str(refused.value)]


@pytest.mark.parametrize("stack", ["Dev", "1", "a" * 21, "a_b"])
def test_a_stacks_name_must_fit_into_those_of_its_resources(monkeypatch, tmp_path, stack):
    with pytest.raises(pulumi.RunError, match="the stack's name"):
        run_program(monkeypatch, tmp_path, stack)


def test_an_address_of_the_environment_precedes_the_configured_one():
    values = {
        "fujie:account_id": ACCOUNT, "fujie:region": "r", "fujie:public_url": "http://f.localhost:{cloud_port}",
        "fujie:cloud_url": "http://127.0.0.1:1", "fujie:issuer": "{cloud_url}/oauth",
    }  # fmt: skip
    inputs = inputs_from_config(values, "local", {"FUJIE_CLOUD_URL": "http://127.0.0.1:77/"})
    assert (inputs.issuer, inputs.domain) == ("http://127.0.0.1:77/oauth", "f.localhost")
    assert inputs.public_url == "http://f.localhost:77"


def test_a_policy_that_ram_would_not_take_is_refused():
    statement = Statement(("oss:GetObject",), tuple(f"acs:oss:*:*:bucket/{number}" for number in range(400)))
    with pytest.raises(SettingsError, match="6144"):
        check_policies([Role("r", "fc.aliyuncs.com", (statement,))])


def test_what_is_not_known_of_the_operator_is_a_warning(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    run_program(monkeypatch, tmp_path, doubt="it may not read its own permissions")
    assert said == ["it may not read its own permissions"]


WANTS_MUCH = '''
from fujie import STS, AgentApp, tool

def reader(number):
    async def read(context):
        """Read."""
    read.__name__ = f"read_{number}"
    return tool(credential=STS(["oss:GetObject"], [f"acs:oss:*:*:{{bucket}}/users/folder-{number}/*"]))(read)

app = AgentApp(app_name="a", app_description="Reads.", tools=[reader(number) for number in range(120)])
'''


def test_tools_that_want_more_than_a_policy_holds_are_one_sentence(monkeypatch, tmp_path):
    agent = tmp_path / "agent.py"
    agent.write_text(WANTS_MUCH)
    with pytest.raises(pulumi.RunError, match=r"fujie-dev-agent-role has \d+ characters, RAM takes 6144 \(decl"):
        run_program(monkeypatch, tmp_path, agent=str(agent))


def test_data_of_prod_outlives_the_stack(monkeypatch, tmp_path):
    options = {}
    made = Resource.__init__

    def noted(self, kind, name, custom, props=None, opts=None, *more, **others):
        options[kind.rpartition(":")[2], name] = opts
        made(self, kind, name, custom, props, opts, *more, **others)

    monkeypatch.setattr(Resource, "__init__", noted)
    run_program(monkeypatch, tmp_path, "prod", protect_data="true")
    kept = {key for key, each in options.items() if each and each.protect and each.retain_on_delete}
    assert {kind for kind, _ in kept} == {
        "Bucket", "TokenVault", "APIKeyCredentialProvider", "OAuth2CredentialProvider"
    }  # fmt: skip
    assert ("Bucket", f"fujie-prod-code-{ACCOUNT}") not in kept
