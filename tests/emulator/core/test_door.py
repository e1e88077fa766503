"""Programs may look, the operator may change things, nobody else may."""

import re

import httpx2
import pytest
from starlette.routing import Route

from fujie_emulator.core.admin_token import kept_token
from fujie_emulator.core.app import create_app
from fujie_emulator.core.opening import open_cloud
from fujie_emulator.core.services import load_services
from fujie_emulator.testing import running

CHANGES = [
    ("POST", "clock"),
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", "reset"),
    ("POST", "import"),
    ("PUT", "snapshot"),
    ("PUT", "functions/f"),
    ("POST", "functions/f/restart"),
    ("PUT", "routes"),
    ("PUT", "partners/weather"),
]
LOOKS = ["", "health", "requests", "inventory", "clock", "faults", "functions", "partners/weather"]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("door")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def http(cloud):
    with httpx2.Client(base_url=f"{cloud.url}/_fujie/", trust_env=False) as http:
        yield http


@pytest.mark.parametrize("path", LOOKS)
def test_looking_needs_no_token(http, path):
    assert http.get(path).status_code == 200


@pytest.mark.parametrize(("method", "path"), [*CHANGES, ("GET", "snapshot"), ("HEAD", "snapshot")])
@pytest.mark.parametrize("token", [None, "", "x" * 43, "é"])
def test_changing_something_or_reading_secrets_needs_the_token(http, cloud, method, path, token):
    before = cloud.cloud.store.counts()
    headers = {} if token is None else {"x-fujie-admin": token.encode()}
    answer = http.request(method, path, headers=headers, content=b"{}")
    assert answer.status_code == 403
    assert method == "HEAD" or "admin-token" in answer.json()["Message"]
    assert cloud.cloud.store.counts() == before


def test_no_route_that_changes_something_was_forgotten(http, cloud):
    edge = create_app(cloud.cloud, load_services())
    routes = [route for route in edge._inner.routes if isinstance(route, Route)]
    admin = [route for route in routes if route.path.startswith("/_fujie/")]
    changing = [(method, route.path) for route in admin for method in route.methods - {"GET", "HEAD"}]
    assert len(changing) >= len(CHANGES)
    for method, path in changing:
        answer = http.request(method, cloud.url + re.sub(r"\{[^}]*\}", "x", path), content=b"{}")
        assert (answer.status_code, answer.json()["Code"]) == (403, "Forbidden"), (method, path)


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_the_token_does_not_let_a_web_page_in(http, cloud, method, path):
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        answer = http.request(method, path, headers=cloud.admin_headers | foreign, content=b"{}")
        assert answer.status_code in (400, 403)


def test_nothing_that_can_be_looked_at_holds_a_secret(http, cloud):
    for path in LOOKS:
        text = http.get(path).text
        assert cloud.access_key_secret not in text
        assert cloud.cloud.admin_token not in text


def test_switched_off_there_is_nothing(tmp_path):
    with running(tmp_path, admin=False) as cloud, httpx2.Client(trust_env=False) as http:
        for method, path in [*CHANGES, ("GET", ""), ("GET", "health"), ("GET", "requests"), ("GET", "snapshot")]:
            answer = http.request(method, f"{cloud.url}/_fujie/{path}", headers={"x-fujie-admin": ""}, content=b"{}")
            assert (answer.status_code, answer.json()["Code"]) == (404, "InvalidApi.NotFound")
    assert not (tmp_path / "admin-token").exists()


def test_the_token_stays_and_only_its_owner_reads_it(tmp_path):
    cloud = open_cloud(tmp_path, "http://127.0.0.1:1")
    cloud.store.close()
    assert cloud.admin_token == kept_token(tmp_path)
    assert len(cloud.admin_token) >= 32
    assert (tmp_path / "admin-token").stat().st_mode & 0o077 == 0
    assert cloud.admin_token not in repr(cloud)


@pytest.mark.parametrize("damaged", ["", "short"])
def test_a_damaged_token_is_made_anew(tmp_path, damaged):
    (tmp_path / "admin-token").write_text(damaged)
    assert len(kept_token(tmp_path)) >= 32


def test_where_the_cloud_answers_stands_in_its_state_while_it_does(tmp_path):
    with running(tmp_path) as cloud:
        assert cloud.url in (tmp_path / "running.json").read_text()
    assert not (tmp_path / "running.json").exists()
