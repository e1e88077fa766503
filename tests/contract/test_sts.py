"""The official STS client, unmodified."""

import json
from datetime import UTC, datetime

import pytest
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_sts20150401 import models
from alibabacloud_sts20150401.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_openapi.utils import Utils

from fujie_emulator.testing import running
from tests.emulator.sts.issuer import serving_issuer

TRUST = {
    "Version": "1",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": "acs:ram::1900000000000001:root"}}
    ],
}
ARN = "acs:ram::1900000000000001:role/reader"


@pytest.fixture
def cloud(tmp_path):
    with running(tmp_path / "cloud") as served:
        served.cloud.iam.ram.create_role("reader", json.dumps(TRUST), "", 3600, [])
        yield served


def client(cloud, **changes):
    key = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret} | changes
    return Client(Config(endpoint=cloud.url, **key))


def role_client(cloud, credentials, **changes):
    key = {
        "access_key_id": credentials.access_key_id,
        "access_key_secret": credentials.access_key_secret,
        "security_token": credentials.security_token,
    }
    return client(cloud, **(key | changes))


def assume(cloud, **changes):
    asked = {"role_arn": ARN, "role_session_name": "night", "duration_seconds": 900} | changes
    return client(cloud).assume_role(models.AssumeRoleRequest(**asked)).body


def refusal(ask):
    with pytest.raises(ClientException) as refused:
        ask()
    return refused.value


def test_the_operator_learns_who_he_is(cloud):
    body = client(cloud).get_caller_identity().body
    assert (body.identity_type, body.account_id) == ("Account", cloud.account_id)
    assert body.request_id == body.request_id.upper()


async def test_the_asynchronous_client_is_understood_too(cloud):
    answer = await client(cloud).get_caller_identity_async()
    assert answer.body.account_id == cloud.account_id


def test_a_role_is_assumed_and_its_key_signs(cloud):
    body = assume(cloud)
    ends = datetime.strptime(body.credentials.expiration, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 890 < (ends - datetime.now(UTC)).total_seconds() <= 900
    assert body.assumed_role_user.arn == "acs:ram::1900000000000001:assumed-role/reader/night"
    who = role_client(cloud, body.credentials).get_caller_identity().body
    assert (who.identity_type, who.arn) == ("AssumedRoleUser", body.assumed_role_user.arn)


def test_a_wrong_secret_does_not_match(cloud):
    error = refusal(client(cloud, access_key_secret="wrong").get_caller_identity)
    assert (error.code, error.status_code) == ("SignatureDoesNotMatch", 400)


def test_an_unknown_key_is_not_found(cloud):
    error = refusal(client(cloud, access_key_id="LTAInobody").get_caller_identity)
    assert (error.code, error.status_code) == ("InvalidAccessKeyId.NotFound", 404)


def test_an_expired_date_is_refused(cloud):
    cloud.cloud.clock.advance(1000)
    error = refusal(client(cloud).get_caller_identity)
    assert (error.code, error.status_code) == ("InvalidTimeStamp.Expired", 400)


def test_a_reused_nonce_is_refused(cloud, monkeypatch):
    monkeypatch.setattr(Utils, "get_nonce", staticmethod(lambda: "0" * 32))
    client(cloud).get_caller_identity()
    error = refusal(client(cloud).get_caller_identity)
    assert (error.code, error.status_code) == ("SignatureNonceUsed", 400)


def test_an_expired_key_is_refused(cloud):
    session = role_client(cloud, assume(cloud).credentials)
    row = cloud.cloud.store.list("sts", "key")[0]
    cloud.cloud.store.put("sts", "key", row[0], row[1] | {"expires_at": "2020-01-01T00:00:00+00:00"})
    assert refusal(session.get_caller_identity).code == "InvalidSecurityToken.Expired"


def test_a_key_with_another_keys_token_is_refused(cloud):
    mine, other = assume(cloud).credentials, assume(cloud).credentials
    session = role_client(cloud, mine, security_token=other.security_token)
    assert refusal(session.get_caller_identity).code == "InvalidSecurityToken.MismatchWithAccessKey"


def test_an_untrusted_caller_is_told_what_is_missing(cloud):
    session = role_client(cloud, assume(cloud).credentials)
    asked = models.AssumeRoleRequest(role_arn=ARN, role_session_name="again")
    error = refusal(lambda: session.assume_role(asked))
    assert (error.code, error.status_code) == ("NoPermission", 403)
    assert error.access_denied_detail["AuthAction"] == "sts:AssumeRole"


def test_a_role_that_is_not_there_is_not_found(cloud):
    error = refusal(lambda: assume(cloud, role_arn=ARN + "2"))
    assert (error.code, error.status_code) == ("EntityNotExist.Role", 404)


def test_an_external_id_opens_what_asks_for_it(cloud):
    statement = TRUST["Statement"][0] | {"Condition": {"StringEquals": {"sts:ExternalId": "tenant-1"}}}
    cloud.cloud.iam.ram.update_role("reader", {"trust": json.dumps(TRUST | {"Statement": [statement]})})
    assert refusal(lambda: assume(cloud)).code == "NoPermission"
    assert refusal(lambda: assume(cloud, external_id="tenant-2")).code == "NoPermission"
    assert assume(cloud, external_id="tenant-1").credentials.access_key_id.startswith("STS.")


def test_a_session_policy_that_asks_for_more_than_the_role_gives_nothing_more(cloud):
    everything = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    session = role_client(cloud, assume(cloud, policy=everything).credentials)
    error = refusal(lambda: session.assume_role(models.AssumeRoleRequest(role_arn=ARN, role_session_name="again")))
    assert (error.code, error.access_denied_detail["NoPermissionType"]) == ("NoPermission", "ImplicitDeny")


def test_a_temporary_key_without_its_token_is_refused(cloud):
    session = role_client(cloud, assume(cloud).credentials, security_token=None)
    assert refusal(session.get_caller_identity).code == "MissingSecurityToken"


def test_a_key_dies_with_its_role(cloud):
    session = role_client(cloud, assume(cloud).credentials)
    cloud.cloud.iam.ram.delete_role("reader")
    cloud.cloud.iam.ram.create_role("reader", json.dumps(TRUST), "", 3600, [])
    assert refusal(session.get_caller_identity).code == "InvalidSecurityToken.Expired"


@pytest.mark.parametrize("sync", [True, False])
async def test_a_token_of_an_identity_provider_becomes_a_key(cloud, sync):
    arn = "acs:ram::1900000000000001:oidc-provider/cluster"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Federated": arn}}
    cloud.cloud.iam.ram.create_role("pods", json.dumps({"Version": "1", "Statement": [trust]}), "", 3600, [])
    with serving_issuer() as issuer:
        key = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret}
        provider = ims_models.CreateOIDCProviderRequest(
            oidcprovider_name="cluster", issuer_url=issuer.url, client_ids="pods", fingerprints="a" * 40
        )
        ImsClient(Config(endpoint=cloud.url, **key)).create_oidcprovider(provider)
        asked = models.AssumeRoleWithOIDCRequest(
            role_arn="acs:ram::1900000000000001:role/pods",
            oidcprovider_arn=arn,
            oidctoken=issuer.token(cloud.cloud.clock.time()),
            role_session_name="pod-1",
        )
        ask = client(cloud)
        answer = ask.assume_role_with_oidc(asked) if sync else await ask.assume_role_with_oidc_async(asked)
    assert answer.body.oidctoken_info.subject == "pod-1"
    who = role_client(cloud, answer.body.credentials).get_caller_identity().body
    assert who.arn == "acs:ram::1900000000000001:assumed-role/pods/pod-1"
