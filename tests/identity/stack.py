"""A stack in the emulated cloud, declared with signed calls, and a person with a browser."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2
from msgspec.structs import replace

from fujie import clock
from fujie.identity.acs3 import rpc_request
from fujie.secret import Secret
from fujie.settings import CallerKey, Settings
from fujie_emulator.core.iam import assume_role
from fujie_emulator.testing import Running

PUBLIC_URL = "http://localhost:9"
VERSIONS = {"agentidentity": "2025-09-01", "ims": "2019-08-15", "ram": "2015-05-01"}
CALLBACK = "stack-callback"


@dataclass(frozen=True)
class Stack:
    running: Running
    settings: Settings

    def call(self, service, action, **params):
        """Ask the control plane as the operator; None leaves a parameter out, lists and objects travel as JSON."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in params.items()
            if value is not None
        }
        key = CallerKey(self.running.access_key_id, Secret(self.running.access_key_secret))
        request = rpc_request(self.running.url, VERSIONS[service], action, form, key, clock.now())
        answer = httpx2.request(
            request.method, request.url, headers=request.headers, content=request.body, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def function_key(self, role="function"):
        """Return the role credentials that Function Compute would put into a function's environment."""
        given = assume_role(
            self.running.cloud, role, principal={"Service": "fc.aliyuncs.com"}, session_name="fc-test", duration_s=3600
        )
        return CallerKey(given.access_key_id, Secret(given.access_key_secret), Secret(given.security_token))

    def arn(self, rest):
        return f"acs:agentidentity:{self.running.region}:{self.running.account_id}:{rest}"


def declared(running):
    """Create what the journey needs: an application, roles, a workload identity, an API key and an OAuth provider."""
    stack = Stack(
        running, Settings(public_url=PUBLIC_URL, agentidentitydata_endpoint=running.url, fc_endpoint=running.url)
    )
    client_id = stack.call(
        "ims",
        "CreateApplication",
        AppName="stack",
        DisplayName="stack",
        AppType="NativeApp",
        ProtocolVersion="2.1",
        PredefinedScopes="openid;profile;aliuid",
        RequiredScopes="openid;profile;aliuid",
        RedirectUris=PUBLIC_URL + "/auth/callback",
    )["Application"]["AppId"]
    issuer = running.url + "/oauth"
    _identity(stack, client_id, issuer)
    _providers(stack)
    _role(stack, "function", {"Service": "fc.aliyuncs.com"}, ["agentidentitydata:*", "fc:InvokeFunction"])
    settings = replace(stack.settings, oidc_issuer=issuer, oidc_client_id=client_id, workload_identity="wi")
    return Stack(running, settings)


def _identity(stack, client_id, issuer):
    arn = stack.arn("workloadidentitydirectory/default/workloadidentity/wi")
    condition = {"StringEquals": {"sts:RequestContext/agentidentity:WorkloadIdentityArn": arn}}
    _role(stack, "wi-role", {"Service": "workload.agentidentity.aliyuncs.com"}, ["oss:GetObject"], condition)
    stack.call(
        "agentidentity",
        "CreateIdentityProvider",
        IdentityProviderName="people",
        DiscoveryURL=issuer + "/.well-known/openid-configuration",
        AllowedAudience=[client_id],
    )
    stack.call(
        "agentidentity",
        "CreateWorkloadIdentity",
        WorkloadIdentityName="wi",
        RoleArn=f"acs:ram::{stack.running.account_id}:role/wi-role",
        IdentityProviderName="people",
        SessionBindingEnabled="True",
        AllowedResourceOAuth2ReturnURLs=[PUBLIC_URL + "/callback"],
    )


def _providers(stack):
    stack.call("agentidentity", "CreateAPIKeyCredentialProvider", APIKeyCredentialProviderName="weather", APIKey="k-1")
    partner = stack.running.url + "/partners/time"
    callback = f"{stack.running.url}/oauth2/callback/{CALLBACK}"
    client = {"client_id": "stack-at-time", "client_secret": "time-secret", "redirect_uris": [callback]}
    body = {"scopes": {"time.read": {"en": "read the time"}}} | client
    answer = httpx2.put(
        stack.running.url + "/_fujie/partners/time", json=body, headers=stack.running.admin_headers, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    discovery = {"DiscoveryURL": partner + "/.well-known/oauth-authorization-server"}
    custom = {"ClientId": "stack-at-time", "ClientSecret": "time-secret", "OAuth2Discovery": discovery}
    stack.call(
        "agentidentity",
        "CreateOAuth2CredentialProvider",
        OAuth2CredentialProviderName="time",
        CredentialProviderVendor="CustomOAuth2",
        OAuth2ProviderConfig={"CustomOAuth2ProviderConfig": custom},
        CallbackURL=callback,
    )


def _role(stack, name, principal, actions, condition=None):
    trust = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:SetContext"]}
    trust |= {"Condition": condition} if condition else {}
    stack.call("ram", "CreateRole", RoleName=name, AssumeRolePolicyDocument={"Version": "1", "Statement": [trust]})
    allowed = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": ["*"]}]}
    stack.call("ram", "CreatePolicy", PolicyName=f"{name}-policy", PolicyDocument=allowed)
    stack.call("ram", "AttachPolicyToRole", PolicyName=f"{name}-policy", PolicyType="Custom", RoleName=name)


class Person:
    """A browser without script: it opens a link, presses a button, and stops where it would leave the cloud."""

    def __init__(self, name):
        self.name = name
        self.http = httpx2.Client(trust_env=False)

    def follow(self, url, **press):
        """Return the address outside the cloud to which the person is sent in the end."""
        answer = self.http.get(url)
        for _ in range(10):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(PUBLIC_URL):
                    return target
                answer = self.http.get(target)
                continue
            assert answer.status_code == 200, answer.text
            form = _Form()
            form.feed(answer.text)
            pressed = press if "decision" in form.buttons else {"user": self.name}
            answer = self.http.post(urljoin(str(answer.url), form.action), data=form.fields | pressed)
        raise AssertionError("the redirects do not end")

    def close(self):
        self.http.close()


class _Form(HTMLParser):
    """The first form of a page: where it goes, what it carries, which buttons it has."""

    def __init__(self):
        super().__init__()
        self.action, self.fields, self.buttons, self.select = "", {}, set(), ""

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        if tag == "input" and found.get("type") == "hidden":
            self.fields[found["name"]] = found.get("value", "")
        if tag == "button":
            self.buttons.add(found.get("name"))
        if tag == "select":
            self.select = found["name"]
        if tag == "option" and ("selected" in dict(attrs) or self.select not in self.fields):
            self.fields[self.select] = found.get("value", "")
