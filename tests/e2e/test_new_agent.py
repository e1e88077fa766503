"""An agent nobody foresaw, written outside the repository against the wheel, gets its answer through consent."""

import json
import secrets
import subprocess
import sys
import zipfile

import pytest

from tests.e2e.person import Person
from tests.e2e.running import ROOT

pytestmark = pytest.mark.e2e

AGENT = '''
"""An agent for {provider}."""

from fujie import AgentApp, OAuth, ToolContext, tool

ACCOUNT = OAuth("{provider}", {{"{scope}": {{"en": "Read your {noun}", "zh": "读取你的{noun}"}}}}, issuer="https://id.{host}")


@tool(credential=ACCOUNT, hosts=["api.{host}"], reason="To look up your {noun}.")
async def find_{noun}(context: ToolContext, owner: str) -> object:
    """Find {noun} of one owner."""
    answer = await context.http.get("https://api.{host}/{noun}", params={{"owner": owner}})
    answer.raise_for_status()
    return answer.json()


app = AgentApp(app_name="{noun} finder", instructions="Find {noun} for the user.", tools=[find_{noun}])
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    code = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, out], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    )
    return out / done.stdout.split()[-1]


def test_the_wheel_holds_what_people_install_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fujie", "fujie_emulator"}


def test_a_new_agent_with_a_new_provider_gets_its_answer_through_consent(wheel, own_stack, tmp_path):
    word = "w" + secrets.token_hex(3)
    names = {"provider": f"p{word}", "scope": f"{word}.read", "noun": f"{word}s", "host": f"{word}.example"}
    folder = tmp_path / "agent"
    (folder / "partners").mkdir(parents=True)
    file = folder / "agent.py"
    file.write_text(AGENT.format(**names))
    value = secrets.token_hex(8)
    rows = [{"owner": "Ada", "item": value}, {"owner": "Bob", "item": "somebody else's"}]
    resources = {f"/{names['noun']}": {"scope": names["scope"], "data": rows}}
    (folder / "partners" / f"{names['provider']}.json").write_text(json.dumps({"resources": resources}))

    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    code = "import runpy, fujie, sys; print(fujie.__file__); print(runpy.run_path(sys.argv[1])['app'].tools[0].name)"
    done = subprocess.run(
        [sys.executable, "-c", code, file],
        env={"PYTHONPATH": str(installed), "PATH": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [str(installed / "fujie" / "__init__.py"), f"find_{names['noun']}"], done.stderr

    stack = own_stack("--agent", str(file))
    alice = Person(stack, "alice").sign_in()
    about = {"name": f"{names['noun']} finder", "description": "", "abilities": [f"Find {names['noun']} of one owner."]}
    assert alice.me()["agent"] == about
    answer = alice.ask(f"Use find_{names['noun']} with owner=Ada")
    assert answer.status == "incomplete"
    (consent,) = answer.consents
    assert consent["provider"] == names["provider"]
    assert consent["scopes"][0]["words"]["en"] == f"Read your {names['noun']}"
    alice.allow(consent["connect_url"])
    whole = alice.follow(answer)
    assert whole.status == "completed"
    assert value in whole.text
    assert "somebody else's" not in whole.text
    alice.close()


def test_the_example_agent_answers_and_is_short(own_stack):
    file = ROOT / "examples" / "weather" / "agent.py"
    assert len(file.read_text().splitlines()) < 40
    stack = own_stack("--agent", str(file))
    alice = Person(stack, "alice").sign_in()
    answer = alice.ask("What is the weather in Hangzhou today?")
    assert answer.status == "completed"
    assert answer.tools[0][1]["credential"]["kind"] == "api_key"
    alice.close()
