"""A sample's environment in the names and order of its published scripts: `prepare`, then `clear`.

Made with the packages they use: IMS client, Agent Identity SDK and command line. What they tolerate is tolerated here,
what they leave behind (role and policy) is left behind.
"""

import json
import os
import sys
import uuid

from agent_identity_cli import CreateWorkloadIdentityConfig, create_workload_identity
from agent_identity_python_sdk.core import IdentityClient
from agent_identity_python_sdk.utils.config import read_local_config, write_local_config
from alibabacloud_agentidentity20250901 import models
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config

PROVIDER, OAUTH, API_KEY, M2M = (
    "test-provider",
    "test-provider-for-mcp-oauth",
    "test-provider-api-key",
    "dingtalk-m2m-sample",
)
client = IdentityClient("cn-beijing")
control = client.control_client
ims = ImsClient(config=Config(credential=CredentialClient()))


def tolerating(code, action, request):
    """Call, and return None when the one error came that the scripts expect."""
    try:
        return action(request)
    except ClientException as error:
        if error.code != code:
            raise
        print("tolerated", code, file=sys.stderr)
        return None


def application(name, app_type, scopes, redirect_uri):
    request = ims_models.CreateApplicationRequest(
        app_name=name,
        app_type=app_type,
        display_name=name,
        predefined_scopes=scopes,
        required_scopes=scopes,
        redirect_uris=redirect_uri,
        protocol_version="2.1",
    )
    return ims.create_application(request).body.application.app_id


def oauth_provider(name, vendor, config, **fields):
    request = models.CreateOAuth2CredentialProviderRequest(
        oauth2_credential_provider_name=name,
        credential_provider_vendor=vendor,
        oauth2_provider_config=models.OAuth2ProviderConfig(
            included_oauth2_provider_config=models.IncludedOAuth2ProviderConfig(**config)
        ),
        **fields,
    )
    tolerating("EntityAlreadyExists.OAuth2CredentialProvider", control.create_oauth2_credential_provider, request)


def api_key_provider(key):
    named = {"apikey_credential_provider_name": API_KEY, "apikey": key}
    created = tolerating(
        "EntityAlreadyExists.APIKeyCredentialProvider",
        control.create_apikey_credential_provider,
        models.CreateAPIKeyCredentialProviderRequest(**named),
    )
    if created is None:
        control.update_apikey_credential_provider(models.UpdateAPIKeyCredentialProviderRequest(**named))


def prepare():
    home = "http://localhost:8090"
    callback = f"https://agentidentitydata.cn-beijing.aliyuncs.com/oauth2/callback/{uuid.uuid4()}"
    inbound_app = application(f"aliyun-inbound-{uuid.uuid4()}", "WebApp", "aliuid;profile;openid", home)
    scopes = "aliuid;profile;openid;/acs/mcp-server"
    mcp_app = application(f"aliyun-mcp-{uuid.uuid4()}", "NativeApp", scopes, callback)
    tolerating(
        "EntityAlreadyExists.IdentityProvider",
        control.create_identity_provider,
        models.CreateIdentityProviderRequest(
            identity_provider_name=PROVIDER,
            allowed_audience=[inbound_app],
            discovery_url="https://oauth.aliyun.com/.well-known/openid-configuration",
        ),
    )
    made = create_workload_identity(
        CreateWorkloadIdentityConfig(
            workload_identity_name=f"workload-{uuid.uuid4()}",
            identity_provider_name=PROVIDER,
            allowed_resource_oauth2_return_urls=[f"{home}/callback"],
        )
    )
    oauth_provider(OAUTH, "AliyunOAuth2", {"client_id": mcp_app}, callback_url=callback)
    api_key_provider(os.environ["DASHSCOPE_API_KEY"])
    token_endpoint = "https://api.dingtalk.com/v1.0/oauth2/corp/token"
    machine = {"client_id": "key", "client_secret": "secret", "token_endpoint": token_endpoint}
    oauth_provider(M2M, "DingTalkOAuth2", machine, oauth_type="M2M")
    summary = {
        "inbound_app_id": inbound_app,
        "mcp_app_id": mcp_app,
        "workload_identity_name": made.workload_identity_name,
        "role_arn": made.role_result.role_arn,
        "identity_provider_name": PROVIDER,
        "api_key_provider_name": API_KEY,
        "oauth_credential_provider_name": OAUTH,
        "m2m_provider_name": M2M,
    }
    for name, value in summary.items():
        write_local_config(name, value)
    print(json.dumps(summary))


def clear():
    token = None
    while True:
        page = control.list_workload_identities(models.ListWorkloadIdentitiesRequest(next_token=token)).body
        for identity in page.workload_identities:
            if identity.identity_provider_name == PROVIDER:
                name = identity.workload_identity_name
                control.delete_workload_identity(models.DeleteWorkloadIdentityRequest(workload_identity_name=name))
        token = page.next_token
        if token is None:
            break
    request = models.DeleteIdentityProviderRequest(identity_provider_name=PROVIDER)
    tolerating("EntityNotExists.IdentityProvider", control.delete_identity_provider, request)
    for app in ("inbound_app_id", "mcp_app_id"):
        request = ims_models.DeleteApplicationRequest(app_id=read_local_config(app))
        tolerating("EntityNotExist.Application", ims.delete_application, request)
    request = models.DeleteAPIKeyCredentialProviderRequest(apikey_credential_provider_name=API_KEY)
    tolerating("EntityNotExists.APIKeyCredentialProvider", control.delete_apikey_credential_provider, request)
    for name in (OAUTH, M2M):
        request = models.DeleteOAuth2CredentialProviderRequest(oauth2_credential_provider_name=name)
        tolerating("EntityNotExists.OAuth2CredentialProvider", control.delete_oauth2_credential_provider, request)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        {"prepare": prepare, "clear": clear}[word]()
