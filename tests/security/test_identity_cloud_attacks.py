"""Attacks on the emulated identity cloud, over the wire with the official clients: each must fail to get in."""

import base64
import hmac
import json

import httpx2
import pytest
from alibabacloud_agentidentity20250901 import models as control_models
from alibabacloud_agentidentitydata20251127 import models
from alibabacloud_agentidentitydata20251127.client import Client as DataClient
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.models import Config
from joserfc import jwt
from joserfc.jwk import RSAKey

from fujie_emulator.signin import keys
from fujie_emulator.signin.account import account_issuer
from fujie_emulator.testing import running as running_cloud
from tests.contract.identity_stack import RETURN_URL, SIGN_IN_URL, Stack, consent, query_of, s256, sign_in, submit
from tests.security.oauth_urls import lookalikes

ENTRANCE = "/signin/oauth2/v1/auth"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(running):
    stack = Stack(running)
    stack.create_api_key_provider("weather", "key-1")
    return stack


def refused(action, *args, **kwargs):
    """Return the code with which an attack is turned away."""
    with pytest.raises((ClientException, ServerException)) as caught:
        action(*args, **kwargs)
    assert caught.value.status_code < 500 or caught.value.code.startswith("ServiceUnavailable.")
    return caught.value.code


@pytest.mark.parametrize("url", lookalikes(RETURN_URL))
def test_no_return_url_but_the_listed_one_starts_a_consent(stack, url):
    """Hurt: Alice, whose consent would come back to the attacker's host."""
    code = refused(stack.ask, stack.clients.data, stack.wat(), resource_oauth2_return_url=url)
    assert code == "Missmatch.ResourceOAuth2ReturnURL"


@pytest.mark.parametrize("url", lookalikes(SIGN_IN_URL))
def test_sign_in_sends_nobody_to_an_address_that_only_looks_registered(running, stack, url):
    """Hurt: Alice, whose code would be delivered to an address that only looks like the application's."""
    query = {
        "response_type": "code",
        "client_id": stack.app_id,
        "redirect_uri": url,
        "code_challenge": s256("v" * 64),
        "code_challenge_method": "S256",
    }
    answer = httpx2.get(running.url + ENTRANCE, params=query)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)


def test_a_native_application_is_found_on_any_port_of_this_machine_and_nowhere_else(running, stack):
    """Hurt: Alice, as above; the rule for native applications is the widest there is."""
    registered = "http://127.0.0.1:8090/cb"
    request = ims_models.CreateApplicationRequest(
        app_name="native", display_name="native", app_type="NativeApp", redirect_uris=registered, protocol_version="2.1"
    )
    app_id = stack.clients.ims.create_application(request).body.application.app_id
    query = {
        "response_type": "code",
        "client_id": app_id,
        "code_challenge": s256("v" * 64),
        "code_challenge_method": "S256",
    }
    other_port = "http://127.0.0.1:8091/cb"
    reached = [
        url
        for url in [registered, *lookalikes(registered)]
        if httpx2.get(running.url + ENTRANCE, params=query | {"redirect_uri": url}).status_code == 200
    ]
    assert reached == [registered, other_port]  # RFC 8252 7.3


def test_no_provider_is_called_back_at_a_lookalike(running, stack):
    """Hurt: Alice, whose code at the provider would be delivered elsewhere."""
    callback = f"{running.url}/oauth2/callback/x"
    for url in lookalikes(callback):
        custom = {"ClientId": "c", "OAuth2Discovery": {"DiscoveryURL": "https://idp.example"}}
        assert refused(stack.create_oauth_provider, "x", custom, callback_url=url) == "InvalidParameter.CallbackURL", (
            url
        )


def test_a_stolen_session_uri_is_worth_nothing_to_another_and_is_spent_by_its_owner(running, stack):
    """Hurt: Alice, whose consent Bob would complete as his."""
    mine, theirs = (sign_in(running, stack.app_id, name) for name in ("alice", "bob"))
    wat, stolen = stack.wat_for(mine), stack.wat_for(theirs)
    uri = stack.ask(stack.clients.data, wat).session_uri
    assert refused(stack.ask, stack.clients.data, stolen, session_uri=uri) == "InvalidParameter.SessionURI"
    consent(f"{running.url}/oauth2/authorize?request_uri={uri}")
    assert refused(stack.complete, uri, theirs) == "Forbidden.UserIdentifierMismatch"
    stack.complete(uri, mine)
    assert refused(stack.complete, uri, mine) == "InvalidParameter.SessionURI"
    assert refused(stack.ask, stack.clients.data, stolen, session_uri=uri) == "InvalidParameter.SessionURI"
    assert stack.ask(stack.clients.data, stolen).access_token is None


def test_a_code_from_elsewhere_put_into_a_session_does_not_fit_its_challenge(running, stack):
    """Hurt: Alice, who would work in the attacker's account: his own code comes back with the state of her session."""
    mine, victims = (sign_in(running, stack.app_id, name) for name in ("alice", "bob"))
    other = stack.ask(stack.clients.data, stack.wat_for(mine), force_authentication=True)
    with httpx2.Client(trust_env=False) as http:
        at_provider = http.get(other.authorization_url).headers["location"]
    stolen = walked_through(at_provider)["code"]
    session = stack.ask(stack.clients.data, stack.wat_for(victims), force_authentication=True)
    with httpx2.Client(trust_env=False) as http:
        state = query_of(http.get(session.authorization_url).headers["location"])["state"]
        http.get(stack.callback, params={"code": stolen, "state": state})
    assert refused(stack.complete, session.session_uri, victims) == "ServiceUnavailable.UpstreamTokenEndpoint"


def walked_through(url):
    """Consent at the provider and return what it would tell the callback, without going there."""
    with httpx2.Client(trust_env=False) as http:
        return query_of(submit(http, http.get(url), account="alice", decision="allow").headers["location"])


def unsigned(header, claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


def hmac_signed(header, claims, secret):
    """Sign by hand: libraries refuse to take a public key for a secret."""
    signed = unsigned(header | {"alg": "HS256"}, claims).removesuffix(".")
    mac = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def forgeries(running, app_id):
    """Return user tokens that somebody without the issuer's key, or with an old or foreign token, could show."""
    issuer, now = account_issuer(running.cloud), int(running.cloud.clock.time())
    published = keys.public_keys(issuer)[-1]
    good = {"iss": issuer.url, "aud": app_id, "sub": "victim", "iat": now, "exp": now + 60}
    header = {"alg": "RS256", "kid": published["kid"]}
    mine = RSAKey.generate_key(2048, {"kid": published["kid"]})
    pem = RSAKey.import_key(published).as_pem(private=False)
    return {
        "alg none": unsigned({"alg": "none", "kid": published["kid"]}, good),
        "alg None": unsigned({"alg": "None", "kid": published["kid"]}, good),
        "HS256 with the public key": hmac_signed(header, good, pem),
        "HS256 with its modulus": hmac_signed(header, good, published["n"].encode()),
        "another key of that name": jwt.encode(header, good, mine, ["RS256"]),
        "an unknown key": jwt.encode(header | {"kid": "mine"}, good, mine, ["RS256"]),
        "a key brought along": jwt.encode(header | {"jwk": mine.as_dict(private=False)}, good, mine, ["RS256"]),
        "a key fetched from me": jwt.encode(header | {"jku": "http://127.0.0.1:9/keys"}, good, mine, ["RS256"]),
        "another issuer": keys.sign(issuer, good | {"iss": "https://evil.example"}),
        "another issuer that begins alike": keys.sign(issuer, good | {"iss": issuer.url + ".evil.example"}),
        "another application": keys.sign(issuer, good | {"aud": app_id + "0"}),
        "no application": keys.sign(issuer, good | {"aud": []}),
        "expired": keys.sign(issuer, good | {"exp": now - 1}),
        "without end": keys.sign(issuer, {name: value for name, value in good.items() if name != "exp"}),
        "not yet valid": keys.sign(issuer, good | {"nbf": now + 3600}),
        "nobody": keys.sign(issuer, good | {"sub": ""}),
    }


def test_no_forged_user_gets_a_workload_token_or_completes_a_consent(running, stack):
    """Hurt: Alice, whom a token without the issuer's signature would name."""
    uri = stack.ask(stack.clients.data, stack.wat(), force_authentication=True).session_uri
    tried = forgeries(running, stack.app_id)
    for what, token in tried.items():
        assert refused(stack.wat_for, token) == "InvalidParameter.JsonWebToken", what
        assert refused(stack.complete, uri, token) == "InvalidParameter.JsonWebToken", what
    assert len(tried) == 16


def test_a_session_policy_gives_nothing_that_the_role_has_not(stack):
    """Hurt: everybody whose data the role was kept from."""
    everything = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    wat = stack.wat()
    widened = stack.data_as_role(wat, policy=everything)
    asked = models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="weather")
    assert widened.get_resource_apikey(asked).body.apikey == "key-1"
    token = models.GetWorkloadAccessTokenRequest(workload_identity_name="demo")
    assert refused(widened.get_workload_access_token, token) == "NoPermission"
    complete = models.CompleteResourceTokenAuthRequest(
        session_uri="urn:x",
        user_identifier=models.CompleteResourceTokenAuthRequestUserIdentifier(user_id="alice"),
    )
    assert refused(widened.complete_resource_token_auth, complete) == "NoPermission"


def test_a_temporary_key_needs_its_own_token(running, stack):
    """Hurt: the stack, whose key would work for who has a part of it."""
    first, second = (stack.assume(stack.wat(), duration_seconds=900).credentials for _ in range(2))
    asked = models.GetResourceAPIKeyRequest(
        workload_access_token=stack.wat(), resource_credential_provider_name="weather"
    )

    def client(token):
        pair = {"access_key_id": first.access_key_id, "access_key_secret": first.access_key_secret}
        return DataClient(Config(endpoint=running.url, security_token=token, **pair))

    assert refused(client(None).get_resource_apikey, asked) == "MissingSecurityToken"
    for token in (second.security_token, first.security_token[:-1], first.security_token + "A"):
        assert refused(client(token).get_resource_apikey, asked) == "InvalidSecurityToken.MismatchWithAccessKey"
    assert client(first.security_token).get_resource_apikey(asked).body.apikey == "key-1"


def test_a_workload_token_is_not_bent_to_another_identity(running, stack):
    """Hurt: the users of another workload of the same account."""
    stack.create_identity("other", role_arn=None)
    wat = stack.wat(identity="other")
    header, *_, tag = wat.split(".")
    mine = stack.wat().split(".")
    for bent in (".".join([header, *mine[1:]])[:-2] + "AA", ".".join([*mine[:-1], tag]), wat.upper(), wat + ".", ""):
        asked = models.GetResourceAPIKeyRequest(workload_access_token=bent, resource_credential_provider_name="weather")
        assert refused(stack.clients.data.get_resource_apikey, asked) in {
            "InvalidParameter.WorkloadAccessToken",
            "MissingParameter.WorkloadAccessToken",
        }
    assert refused(stack.assume, wat) == "MissingRoleArn"


@pytest.mark.parametrize("name", ["../default", "default/../../x", "*", "tv/*", "x" * 200])
def test_a_vault_is_named_and_not_reached_by_a_path(stack, name):
    """Hurt: whoever keeps a key in a vault beside this one."""
    create = control_models.CreateTokenVaultRequest(token_vault_name=name)
    assert refused(stack.clients.control.create_token_vault, create) == "InvalidParameter.TokenVaultName"
    asked = models.GetResourceAPIKeyRequest(
        workload_access_token=stack.wat(), resource_credential_provider_name="weather", token_vault_name=name
    )
    assert refused(stack.clients.data.get_resource_apikey, asked) == "EntityNotExists.TokenVault"
