"""The partners as a client on the wire meets them."""

import base64
import hashlib
import re
import secrets
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from fujie_emulator.agentidentitydata import on_behalf
from fujie_emulator.core.journal import fingerprint
from fujie_emulator.signin import keys
from fujie_emulator.testing import running

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with (
        running(tmp_path_factory.mktemp("cloud")) as cloud,
        httpx2.Client(base_url=cloud.url, headers=cloud.admin_headers, trust_env=False, timeout=10) as http,
    ):
        yield World(cloud, http)


class World:
    def __init__(self, cloud, http):
        self.cloud = cloud
        self.http = http
        self.callback = f"{cloud.url}/oauth2/callback/0c5b"

    def authorize(self, partner, scope, **changes):
        params = {
            "client_id": "c1",
            "redirect_uri": self.callback,
            "response_type": "code",
            "scope": scope,
            "state": "s 1&",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "login_hint": "alice",
        } | changes
        return self.http.get(
            f"/partners/{partner}/authorize", params={k: v for k, v in params.items() if v is not None}
        )

    def decide(self, partner, page, decision="allow", account="alice"):
        request_id = re.search(r'name="request" value="([^"]+)"', page.text).group(1)
        form = {"request": request_id, "account": account, "decision": decision}
        answer = self.http.post(f"/partners/{partner}/authorize", data=form)
        return dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query)) | {"status": answer.status_code}

    def code(self, partner, scope, account="alice", **changes):
        return self.decide(partner, self.authorize(partner, scope, **changes), account=account)["code"]

    def token(self, partner, **form):
        return self.http.post(f"/partners/{partner}/token", data={"client_id": "c1"} | form)

    def redeem(self, partner, code, verifier=VERIFIER, **form):
        form = {"redirect_uri": self.callback} | form
        return self.token(partner, grant_type="authorization_code", code=code, code_verifier=verifier, **form)

    def access(self, partner, scope, account="alice"):
        return self.redeem(partner, self.code(partner, scope, account)).json()["access_token"]

    def get(self, path, token):
        return self.http.get(path, headers={"authorization": f"Bearer {token}"})

    def advance(self, seconds):
        self.http.post("/_fujie/clock", json={"advance_s": seconds}).raise_for_status()

    def rows(self, service):
        rows = self.http.get("/_fujie/requests?after=0").json()["requests"]
        return [row for row in rows if row["service"] == service]


def test_the_metadata_names_every_endpoint_and_pkce(world):
    appended = world.http.get("/partners/time/.well-known/oauth-authorization-server").json()
    assert appended == world.http.get("/.well-known/oauth-authorization-server/partners/time").json()
    assert appended["issuer"] == f"{world.cloud.url}/partners/time"
    assert appended["code_challenge_methods_supported"] == ["S256"]
    assert appended["authorization_response_iss_parameter_supported"] is True


def test_consent_gives_a_token_that_tells_the_time_for_that_account(world):
    answer = world.decide("time", world.authorize("time", "time.read"))
    assert answer["state"] == "s 1&"
    assert answer["iss"] == f"{world.cloud.url}/partners/time"
    tokens = world.redeem("time", answer["code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    told = world.get("/partners/time/api/v1/now?time_zone=Asia/Tokyo", tokens["access_token"])
    assert told.json()["now"].endswith("+09:00")
    row = world.rows("partner.time")[-1]
    assert row["action"] == "GetCurrentTime"
    assert row["caller"] == {"type": "bearer", "arn": "", "name": "alice"}
    assert row["credential_fingerprint"] == fingerprint(tokens["access_token"])


def test_the_consent_page_needs_no_script_and_is_marked_as_emulated(world):
    page = world.authorize("dingtalk", "document.read document.write")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http://*.localhost:*" in policy, "the way back ends at the product's own domain"
    assert "script" not in page.text
    assert "Emulated partner" in page.text
    assert "Write and change your documents" in page.text
    assert '<option value="alice" selected>' in page.text
    assert ">Allow</button>" in page.text
    chinese = world.http.get(page.url, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert ">允许</button>" in chinese.text
    assert ">拒绝</button>" in chinese.text
    assert "写入和修改您的文档" in chinese.text


def test_without_a_hint_no_account_is_chosen_for_the_user(world):
    page = world.authorize("time", "time.read", login_hint=None)
    assert '<option value="" selected>' in page.text
    assert world.decide("time", page, account="")["status"] == 400


def test_a_denial_goes_back_as_access_denied(world):
    answer = world.decide("time", world.authorize("time", "time.read"), decision="deny")
    assert answer["error"] == "access_denied"
    assert "code" not in answer


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/oauth2/callback/1",
        "{cloud}/oauth2/callback/../../x",
        "{cloud}/oauth2/callback/1?x=y",
        "{cloud}.evil.example/oauth2/callback/1",
        "{cloud}/oauth2/callback/",
        "",
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_the_clouds_callback(world, uri):
    page = world.authorize("time", "time.read", redirect_uri=uri.format(cloud=world.cloud.url))
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "document.read"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"resource": "https://other.example"}, "invalid_target"),
    ],
)
def test_a_wrong_request_goes_back_with_its_oauth_code(world, changes, error):
    answer = world.authorize("time", changes.pop("scope", "time.read"), **changes)
    assert answer.status_code == 303
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query))["error"] == error


def test_a_parameter_given_twice_is_refused(world):
    answer = world.http.get(f"/partners/time/authorize?client_id=a&client_id=b&redirect_uri={world.callback}")
    assert answer.status_code == 400


def test_a_consent_page_is_answered_once(world):
    page = world.authorize("time", "time.read")
    world.decide("time", page)
    assert world.decide("time", page)["status"] == 400


def test_a_code_is_used_once_and_its_second_use_revokes_the_tokens(world):
    code = world.code("time", "time.read")
    tokens = world.redeem("time", code).json()
    again = world.redeem("time", code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert world.get("/partners/time/api/v1/now", tokens["access_token"]).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"verifier": "w" * 43}, {"redirect_uri": "http://127.0.0.1/else"}, {"client_id": "c2"}, {"verifier": ""}]
)
def test_a_code_is_bound_to_its_verifier_address_and_client(world, wrong):
    code = world.code("time", "time.read")
    answer = world.redeem("time", code, **wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_and_a_token_end_by_the_clouds_clock(world):
    code = world.code("time", "time.read")
    token = world.access("time", "time.read")
    world.advance(601)
    assert world.redeem("time", code).json()["error"] == "invalid_grant"
    assert world.get("/partners/time/api/v1/now", token).status_code == 200
    world.advance(3000)
    answer = world.get("/partners/time/api/v1/now", token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_refresh_token_rotates_and_its_reuse_revokes_the_family(world):
    first = world.redeem("time", world.code("time", "time.read")).json()
    second = world.token("time", grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert world.get("/partners/time/api/v1/now", second["access_token"]).status_code == 200
    reused = world.token("time", grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert reused.json()["error"] == "invalid_grant"
    assert world.get("/partners/time/api/v1/now", second["access_token"]).status_code == 401
    assert world.token("time", grant_type="refresh_token", refresh_token=second["refresh_token"]).status_code == 400


def test_a_refresh_cannot_widen_the_scopes(world):
    tokens = world.redeem("dingtalk", world.code("dingtalk", "document.read")).json()
    answer = world.token(
        "dingtalk", grant_type="refresh_token", refresh_token=tokens["refresh_token"], scope="document.write"
    )
    assert answer.json()["error"] == "invalid_scope"


def test_revoking_ends_both_tokens(world):
    tokens = world.redeem("time", world.code("time", "time.read")).json()
    answer = world.http.post("/partners/time/revoke", data={"client_id": "c1", "token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert world.get("/partners/time/api/v1/now", tokens["access_token"]).status_code == 401
    assert world.http.post("/partners/time/revoke", data={"client_id": "c1", "token": "x"}).status_code == 200


def test_documents_are_each_accounts_own(world):
    alice = world.access("dingtalk", "document.read document.write")
    bob = world.access("dingtalk", "document.read document.write", account="bob")
    written = world.http.post(
        "/partners/dingtalk/api/v1/documents/周报",
        json={"text": "hello"},
        headers={"x-acs-dingtalk-access-token": alice},
    )
    assert written.status_code == 200
    assert world.get("/partners/dingtalk/api/v1/documents/周报", alice).json()["text"] == "hello"
    assert world.get("/partners/dingtalk/api/v1/documents/周报", bob).status_code == 404


def test_a_scope_that_was_not_allowed_is_refused(world):
    token = world.access("dingtalk", "document.read")
    answer = world.http.post(
        "/partners/dingtalk/api/v1/documents/x", json={"text": "hi"}, headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "insufficient_scope"


def test_a_token_of_one_partner_opens_no_other(world):
    token = world.access("time", "time.read")
    assert world.get("/partners/dingtalk/api/v1/documents/x", token).status_code == 401


def test_the_weather_needs_a_key_that_was_registered(world):
    path = "/partners/weather/api/v1/current?city=杭州"
    assert world.get(path, "anything").status_code == 401
    world.http.put("/_fujie/partners/weather", json={"api_keys": ["k-1"]}).raise_for_status()
    told = world.get(path, "k-1").json()
    assert told["city"] == "Hangzhou"
    assert told == world.get("/partners/weather/api/v1/current?city=hangzhou", "k-1").json() | {
        "observed_at": told["observed_at"]
    }
    assert world.get(path, "k-2").status_code == 401
    assert world.rows("partner.weather")[-2]["credential_fingerprint"] == fingerprint("k-1")


def test_each_holder_has_a_key_of_his_own_which_his_next_one_replaces(world):
    path = "/partners/weather/api/v1/current?city=杭州"
    for holder, key in (("laptop", "h-1"), ("deployed", "h-2"), ("laptop", "h-3")):
        world.http.put("/_fujie/partners/weather", json={"api_keys": {holder: key}}).raise_for_status()
    assert [world.get(path, key).status_code for key in ("h-1", "h-2", "h-3")] == [401, 200, 200]


def test_any_other_partner_can_be_made(world):
    name, scope, value = (secrets.token_hex(6) for _ in range(3))
    body = {
        "display_name": "Ledger",
        "scopes": {scope: "Read the ledger"},
        "client_id": "c1",
        "client_secret": "geheim",
        "redirect_uris": [world.callback],
        "resources": {"/v2/rows": {"scope": scope, "data": [{"id": "a", "n": 1}, {"id": value, "n": 2}]}},
    }
    shown = world.http.put(f"/_fujie/partners/{name}", json=body)
    assert "geheim" not in shown.text
    page = world.authorize(name, scope)
    assert "Ledger" in page.text
    code = world.decide(name, page)["code"]
    assert world.redeem(name, code, client_secret="wrong").status_code == 401
    token = world.redeem(name, world.code(name, scope), client_secret="geheim").json()["access_token"]
    assert world.get(f"/partners/{name}/api/v2/rows?id={value}", token).json() == [{"id": value, "n": 2}]
    assert world.get(f"/partners/{name}/api/v2/rows?n=1", token).json() == [{"id": "a", "n": 1}]
    assert world.get(f"/partners/{name}/api/v2/none", token).status_code == 404
    assert world.http.get(f"/partners/{name}/api/v2/rows").status_code == 401
    assert world.authorize(name, scope, redirect_uri=world.callback + "x").status_code == 400


def test_a_client_secret_may_come_in_a_basic_header(world):
    body = {"scopes": {"r": "Read"}, "client_id": "c 1", "client_secret": "a:b", "redirect_uris": [world.callback]}
    world.http.put("/_fujie/partners/ledger", json=body)
    code = world.code("ledger", "r", client_id="c 1")
    basic = base64.b64encode(b"c+1:a%3Ab").decode()
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    answer = world.http.post("/partners/ledger/token", data=form, headers={"authorization": f"Basic {basic}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["x"]},
        {"resources": {"x": {"data": 1}}},
        {"api_keys": "k"},
        {"api_keys": {"laptop": 1}},
        {"scopes": {"a b": "x"}},
    ],
)
def test_a_malformed_registration_is_refused_by_field(world, body):
    answer = world.http.put("/_fujie/partners/ledger", json=body)
    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["Message"]


def test_faults_apply_to_partners(world):
    fault = {"service": "partner.weather", "kind": "status", "status": 500, "count": 1}
    world.http.post("/_fujie/faults", json=fault).raise_for_status()
    assert world.get("/partners/weather/api/v1/current?city=x", "k").status_code == 500
    world.http.post("/_fujie/faults", json=fault | {"kind": "drop"}).raise_for_status()
    with pytest.raises(httpx2.RemoteProtocolError):
        world.get("/partners/weather/api/v1/current?city=x", "k")


def test_no_stored_document_holds_a_secret(world):
    code = world.code("time", "time.read")
    tokens = world.redeem("time", code).json()
    kept = str(
        [
            world.cloud.cloud.store.list("partners", kind)
            for kind in ("code", "access", "refresh", "used_code", "pending")
        ]
    )
    assert not [secret for secret in (code, tokens["access_token"], tokens["refresh_token"]) if secret in kept]


def test_an_api_key_partner_can_serve_data_too(world):
    body = {"api_keys": ["k-9"], "resources": {"/v1/moods": {"data": {"mood": "calm"}}}}
    world.http.put("/_fujie/partners/moods", json=body).raise_for_status()
    assert world.get("/partners/moods/api/v1/moods", "k-9").json() == {"mood": "calm"}
    assert world.get("/partners/moods/api/v1/moods", "other").status_code == 401


def test_a_hint_may_be_a_user_id(world):
    user_id = world.cloud.cloud.account.user("bob").user_id
    assert '<option value="bob" selected>' in world.authorize("time", "time.read", login_hint=user_id).text


def test_a_hostile_display_name_and_scope_words_are_escaped(world):
    body = {
        "display_name": "<script>alert(1)</script>",
        "scopes": {"r": "<img src=x>"},
        "client_id": "c1",
        "redirect_uris": [world.callback],
    }
    world.http.put("/_fujie/partners/hostile", json=body).raise_for_status()
    page = world.authorize("hostile", "r").text
    assert "<script" not in page
    assert "<img" not in page


def machine(world, **form):
    wanted = {"scopes": {"robots.run": "Run"}, "client_id": "robot", "client_secret": "s-1"}
    world.http.put("/_fujie/partners/robots", json=wanted | {"resources": {"/v1/state": RESOURCE}}).raise_for_status()
    given = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "s-1", "scope": "robots.run"}
    return world.http.post("/partners/robots/token", data=given | form)


RESOURCE = {"scope": "robots.run", "data": {"state": "idle"}}


def test_a_client_with_a_secret_has_a_token_of_its_own_that_is_not_refreshed(world):
    answer = machine(world).json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert world.get("/partners/robots/api/v1/state", answer["access_token"]).json() == {"state": "idle"}
    assert world.rows("partner.robots")[-1]["caller"]["name"] == "robot"


@pytest.mark.parametrize(
    ("form", "code"),
    [({"client_secret": "wrong"}, "invalid_client"), ({"scope": "robots.stop"}, "invalid_scope"),
     ({"scope": ""}, "invalid_scope")],
)  # fmt: skip
def test_a_machine_that_asks_wrongly_gets_nothing(world, form, code):
    assert machine(world, **form).json()["error"] == code


def test_a_public_client_has_no_token_of_its_own(world):
    answer = world.token("time", grant_type="client_credentials", scope="time.read")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def delegated(world, **claims):
    idaas, now = on_behalf.Idaas(world.cloud.cloud), int(world.cloud.cloud.clock.time())
    alice = world.cloud.cloud.account.user("alice").user_id
    wanted = {"iss": idaas.url, "aud": "urn:partner:robots", "sub": alice, "act": {"sub": "acs:wi"}, "exp": now + 60}
    return keys.sign(idaas, wanted | {"scope": "robots.run"} | claims)


def test_a_token_in_a_users_name_is_good_at_its_audience(world):
    machine(world)
    assert world.get("/partners/robots/api/v1/state", delegated(world)).json() == {"state": "idle"}
    assert world.rows("partner.robots")[-1]["caller"]["name"] == "alice"


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"aud": "urn:partner:time"}, 401), ({"iss": "https://other.example"}, 401), ({"exp": 1}, 401),
     ({"scope": "robots.stop"}, 403)],
)  # fmt: skip
def test_a_token_in_a_users_name_that_is_not_for_this_api_is_refused(world, claims, status):
    machine(world)
    assert world.get("/partners/robots/api/v1/state", delegated(world, **claims)).status_code == status


def test_a_token_that_somebody_else_signed_is_refused(world):
    machine(world)
    head, payload, _ = delegated(world).split(".")
    assert world.get("/partners/robots/api/v1/state", f"{head}.{payload}.AAAA").status_code == 401
