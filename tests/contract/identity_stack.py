"""An agent's stack on the emulated cloud, declared with the official clients, and a browser without script."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2
from alibabacloud_agentidentity20250901 import models as control_models
from alibabacloud_agentidentity20250901.client import Client as ControlClient
from alibabacloud_agentidentitydata20251127 import models as data_models
from alibabacloud_agentidentitydata20251127.client import Client as DataClient
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_tea_openapi.models import Config

RETURN_URL = "http://localhost:8090/callback"
SIGN_IN_URL = "http://localhost:8090/auth/callback"


def config(running, credentials=None):
    """Return the official clients' configuration for the operator, or for temporary credentials."""
    if credentials is None:
        return Config(
            access_key_id=running.access_key_id, access_key_secret=running.access_key_secret, endpoint=running.url
        )
    return Config(
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret,
        security_token=credentials.security_token,
        endpoint=running.url,
    )


@dataclass(frozen=True)
class Clients:
    control: ControlClient
    data: DataClient
    ims: ImsClient
    ram: RamClient


def clients(running):
    options = config(running)
    return Clients(ControlClient(options), DataClient(options), ImsClient(options), RamClient(options))


class Stack:
    """One workload identity `demo` with role, identity provider and a partner `library` as OAuth provider."""

    def __init__(self, running):
        self.running = running
        self.clients = clients(running)
        self.app_id = self._sign_in_application()
        self._identity_provider()
        self._role("demo-role", "demo")
        self.identity_arn = self.create_identity("demo")
        self.callback = f"{running.url}/oauth2/callback/library-1"
        self._partner()

    def create_identity(self, name, **fields):
        wanted = {
            "role_arn": f"acs:ram::{self.running.account_id}:role/demo-role",
            "allowed_resource_oauth2_return_urls": [RETURN_URL],
            "identity_provider_name": "people",
            "session_binding_enabled": True,
        }
        request = control_models.CreateWorkloadIdentityRequest(workload_identity_name=name, **(wanted | fields))
        return self.clients.control.create_workload_identity(request).body.workload_identity.workload_identity_arn

    def create_oauth_provider(self, name, custom=None, *, included=None, vendor="CustomOAuth2", **fields):
        providers = control_models.OAuth2ProviderConfig().from_map(
            {"CustomOAuth2ProviderConfig": custom} if custom else {"IncludedOAuth2ProviderConfig": included}
        )
        request = control_models.CreateOAuth2CredentialProviderRequest(
            oauth2_credential_provider_name=name,
            credential_provider_vendor=vendor,
            oauth2_provider_config=providers,
            **fields,
        )
        return self.clients.control.create_oauth2_credential_provider(request).body.oauth2_credential_provider

    def create_api_key_provider(self, name, key):
        request = control_models.CreateAPIKeyCredentialProviderRequest(apikey_credential_provider_name=name, apikey=key)
        return self.clients.control.create_apikey_credential_provider(request).body.apikey_credential_provider

    def wat(self, user="alice", identity="demo"):
        return self.wat_for(sign_in(self.running, self.app_id, user), identity)

    def wat_for(self, id_token, identity="demo"):
        request = data_models.GetWorkloadAccessTokenForJWTRequest(workload_identity_name=identity, user_token=id_token)
        return self.clients.data.get_workload_access_token_for_jwt(request).body.workload_access_token

    def assume(self, wat, **fields):
        request = data_models.AssumeRoleForWorkloadIdentityRequest(
            workload_access_token=wat, role_session_name="tests", **fields
        )
        return self.clients.data.assume_role_for_workload_identity(request).body

    def data_as_role(self, wat, **fields):
        return DataClient(config(self.running, self.assume(wat, **fields).credentials))

    def ask(self, client, wat, provider="library", scopes=("books.read",), **fields):
        wanted = {"oauth2_flow": "USER_FEDERATION", "resource_oauth2_return_url": RETURN_URL}
        request = data_models.GetResourceOAuth2TokenRequest(
            workload_access_token=wat,
            resource_credential_provider_name=provider,
            scopes=list(scopes),
            **(wanted | fields),
        )
        return client.get_resource_oauth2_token(request).body

    def complete(self, session_uri, id_token=None, *, user_id=None):
        identifier = data_models.CompleteResourceTokenAuthRequestUserIdentifier(user_jwt=id_token, user_id=user_id)
        request = data_models.CompleteResourceTokenAuthRequest(session_uri=session_uri, user_identifier=identifier)
        return self.clients.data.complete_resource_token_auth(request)

    def _sign_in_application(self):
        request = ims_models.CreateApplicationRequest(
            app_name="chat",
            display_name="Chat",
            app_type="WebApp",
            predefined_scopes="openid;profile;aliuid",
            required_scopes="openid",
            redirect_uris=SIGN_IN_URL,
            protocol_version="2.1",
            secret_required=False,
        )
        return self.clients.ims.create_application(request).body.application.app_id

    def _identity_provider(self):
        request = control_models.CreateIdentityProviderRequest(
            identity_provider_name="people",
            discovery_url=f"{self.running.url}/oauth/.well-known/openid-configuration",
            allowed_audience=[self.app_id],
        )
        self.clients.control.create_identity_provider(request)

    def _role(self, role, identity):
        base = f"acs:agentidentity:{self.running.region}:{self.running.account_id}"
        arn = f"{base}:workloadidentitydirectory/default/workloadidentity/{identity}"
        trust = {
            "Version": "1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "workload.agentidentity.aliyuncs.com"},
                    "Action": ["sts:AssumeRole", "sts:SetContext"],
                    "Condition": {"StringEquals": {"sts:RequestContext/agentidentity:WorkloadIdentityArn": arn}},
                }
            ],
        }
        allowed = [
            ("agentidentitydata:GetResourceOAuth2Token", "oauth2credentialprovider"),
            ("agentidentitydata:GetResourceAPIKey", "apikeycredentialprovider"),
        ]
        statements = [
            {"Effect": "Allow", "Action": [action], "Resource": [arn, f"{base}:tokenvault/default/{kind}/*"]}
            for action, kind in allowed
        ]
        ram = self.clients.ram
        ram.create_role(ram_models.CreateRoleRequest(role_name=role, assume_role_policy_document=json.dumps(trust)))
        document = json.dumps({"Version": "1", "Statement": statements})
        ram.create_policy(ram_models.CreatePolicyRequest(policy_name=f"{role}-policy", policy_document=document))
        ram.attach_policy_to_role(
            ram_models.AttachPolicyToRoleRequest(policy_name=f"{role}-policy", policy_type="Custom", role_name=role)
        )

    def _partner(self):
        secret = secrets.token_urlsafe(16)
        wanted = {
            "scopes": {"books.read": "Read your books", "books.write": "Change your books"},
            "client_id": "fujie",
            "client_secret": secret,
            "redirect_uris": [self.callback],
            "resources": {"/books": {"scope": "books.read", "data": [{"title": "Shanhaijing"}]}},
            "display_name": "Library",
        }
        url = f"{self.running.url}/_fujie/partners/library"
        httpx2.put(url, json=wanted, headers=self.running.admin_headers).raise_for_status()
        metadata = f"{self.running.url}/partners/library/.well-known/oauth-authorization-server"
        custom = {"ClientId": "fujie", "ClientSecret": secret, "OAuth2Discovery": {"DiscoveryURL": metadata}}
        self.create_oauth_provider("library", custom, callback_url=self.callback)


def sign_in(running, app_id, user, *, nonce="", redirect_uri=SIGN_IN_URL):
    """Return the id_token that a browser gets by choosing `user` on the sign-in page."""
    verifier = secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": app_id,
        "redirect_uri": redirect_uri,
        "scope": "openid profile aliuid",
        "state": "s",
        "code_challenge": s256(verifier),
        "code_challenge_method": "S256",
    } | ({"nonce": nonce} if nonce else {})
    with httpx2.Client(trust_env=False) as http:
        page = http.get(f"{running.url}/signin/oauth2/v1/auth", params=query)
        location = submit(http, page, user=user).headers["location"]
        form = {
            "grant_type": "authorization_code",
            "code": query_of(location)["code"],
            "client_id": app_id,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return http.post(f"{running.url}/oauth/v1/token", data=form).raise_for_status().json()["id_token"]


def consent(url, *, account="alice", decision="allow", language="en", hosts=None):
    """Follow an authorization URL as a person would; return where the browser leaves the cloud for the application.

    `hosts` maps origins to others, as a hosts file would.
    """
    with httpx2.Client(trust_env=False, headers={"accept-language": language}) as http:
        answer = http.get(url)
        while True:
            if answer.is_redirect:
                target = answer.headers["location"]
                if target.startswith("http://localhost:"):
                    return target
                for origin, other in (hosts or {}).items():
                    target = other + target.removeprefix(origin) if target.startswith(f"{origin}/") else target
                answer = http.get(target)
            elif "<form" in answer.text:
                answer = submit(http, answer, account=account, user=account, decision=decision)
            else:
                return answer


def submit(http, page, **fields):
    """Send a page's form with these fields beside its hidden ones."""
    action = re.search(r'action="([^"]+)"', page.text)[1]
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return http.post(str(page.url.join(action)), data=hidden | fields)


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def s256(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def rows(running, action):
    """Return the journal's rows of one action."""
    return [row for row in running.cloud.journal.after(0) if row["action"] == action]
