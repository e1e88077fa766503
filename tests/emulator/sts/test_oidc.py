"""AssumeRoleWithOIDC: the token is the only proof, so every claim of it is tried."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc.jwk import RSAKey

from tests.emulator.sts.issuer import serving_issuer

ACCOUNT = "1900000000000001"
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/cluster"
TRUST = {
    "Version": "1",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Federated": [PROVIDER]},
            "Condition": {"StringEquals": {"oidc:aud": "pods", "oidc:sub": "pod-1"}},
        }
    ],
}


@pytest.fixture(scope="module")
def issuer():
    with serving_issuer() as issuer:
        yield issuer


@pytest.fixture
def ask(served, issuer):
    served.cloud.iam.ram.create_role("r", json.dumps(TRUST), "", 3600, [])
    provider = {"IssuerUrl": issuer.url, "ClientIds": ["pods", "jobs"], "IssuanceLimitTime": 6}
    served.cloud.store.put("ims", "oidc_provider", "cluster", provider)

    def ask(token, **changes):
        params = {
            "RoleArn": f"acs:ram::{ACCOUNT}:role/r",
            "OIDCProviderArn": PROVIDER,
            "OIDCToken": token,
            "RoleSessionName": "pod",
        } | changes
        headers = {
            "x-acs-action": "AssumeRoleWithOIDC",
            "x-acs-version": "2015-04-01",
            "content-type": "application/x-www-form-urlencoded",
        }
        return httpx2.post(f"{served.url}/", content=urlencode(params), headers=headers).json()

    return ask


@pytest.fixture
def now(served):
    return served.cloud.clock.time()


def test_a_verified_token_becomes_a_key_of_the_role(ask, issuer, now, signing_as):
    body = ask(issuer.token(now))
    assert body["OIDCTokenInfo"]["Subject"] == "pod-1"
    assert body["OIDCTokenInfo"]["Issuer"] == issuer.url
    who = signing_as(body["Credentials"]).call("2015-04-01", "GetCallerIdentity").json()
    assert who["Arn"] == f"acs:ram::{ACCOUNT}:assumed-role/r/pod"


def unsigned(token):
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def forged(token, issuer):
    """Sign by hand with the published key as secret: no library's guard stands in for ours."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=").decode()
    text = f"{header}.{token.split('.')[1]}"
    digest = hmac.new(issuer.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda i, now: i.token(now - 7200), "Expired"),
        (lambda i, now: i.token(now - 7 * 3600, exp=int(now) + 60), "Expired"),
        (lambda i, now: i.token(now, aud="others"), "Invalid"),
        (lambda i, now: i.token(now, iss="http://127.0.0.1:1"), "Invalid"),
        (lambda i, now: i.token(now, iss=i.url + "/"), "Invalid"),
        (lambda i, now: i.token(now, sub=""), "Invalid"),
        (lambda i, now: i.token(now, nbf=int(now) + 600), "Invalid"),
        (lambda i, now: i.token(now, iat=int(now) + 600), "Invalid"),
        (lambda i, now: i.token(now, iat=None), "Invalid"),
        (lambda i, now: i.token(now, exp=None), "Invalid"),
        (lambda i, now: i.token(now, header={"kid": "k2"}), "Invalid"),
        (lambda i, now: i.token(now, key=RSAKey.generate_key(2048)), "Invalid"),
        (lambda i, now: unsigned(i.token(now)), "Invalid"),
        (lambda i, now: forged(i.token(now), i), "Invalid"),
        (lambda i, now: i.token(now)[:-4] + "AAAA", "Invalid"),
        (lambda i, now: "a.b", "Invalid"),
        (lambda i, now: "a.b." + "c" * 20000, "Invalid"),
    ],
)
def test_a_token_that_fails_one_check_gets_nothing(ask, issuer, now, served, make, code):
    body = ask(make(issuer, now))
    assert body["Code"] == f"AuthenticationFail.OIDCToken.{code}"
    assert served.cloud.store.list("sts", "key") == []


@pytest.mark.parametrize(
    ("claims", "changes", "code"),
    [
        ({"sub": "pod-2"}, {}, "NoPermission"),
        ({"aud": "jobs"}, {}, "NoPermission"),
        ({}, {"OIDCProviderArn": PROVIDER + "2"}, "EntityNotExist.OIDCProvider"),
        ({}, {"OIDCProviderArn": "acs:ram::42:oidc-provider/cluster"}, "EntityNotExist.OIDCProvider"),
        ({}, {"OIDCProviderArn": "cluster"}, "InvalidParameter.OIDCProviderArn"),
        ({}, {"RoleArn": f"acs:ram::{ACCOUNT}:role/other"}, "EntityNotExist.Role"),
        ({}, {"OIDCToken": ""}, "MissingParameter.OIDCToken"),
    ],
)
def test_the_role_decides_whom_it_trusts(ask, issuer, now, claims, changes, code):
    assert ask(issuer.token(now, **claims), **changes)["Code"] == code


def test_a_provider_without_clients_lets_nobody_in(ask, issuer, now, served):
    served.cloud.store.put("ims", "oidc_provider", "cluster", {"IssuerUrl": issuer.url, "ClientIds": []})
    assert ask(issuer.token(now))["Code"] == "AuthenticationFail.OIDCToken.Invalid"


def test_an_unreachable_issuer_proves_nothing(ask, issuer, now, served):
    provider = {"IssuerUrl": "http://127.0.0.1:1", "ClientIds": ["pods"]}
    served.cloud.store.put("ims", "oidc_provider", "cluster", provider)
    assert ask(issuer.token(now))["Code"] == "AuthenticationFail.OIDCToken.Invalid"
