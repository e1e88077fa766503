"""Two stacks in one account, from a project of their own whose code and tools change: what moves, and what does not."""

import dataclasses
import json
import re
import shutil

import httpx2
import pytest

from infra.engine.running import ROOT
from tests.infra.accounts import changes, documents

pytestmark = pytest.mark.engine

AGENT = """
from fujie import AgentApp, APIKey, OAuth, tool

@tool(credential=APIKey("{archive}"), hosts=["archive.example"])
async def look(context):
    \"\"\"Look something up.\"\"\"

@tool(credential=OAuth("{diary}", {{"read": "Read"}}, issuer="https://diary.example"), hosts=["diary.example"])
async def read(context):
    \"\"\"Read the diary.\"\"\"

app = AgentApp(app_name="clerk", app_description="Looks things up.", tools=[look, read])
"""
MOVES = {
    "CreateAPIKeyCredentialProvider": "the new one is made",
    "UpdateFunction": "who uses it moves",
    "DeleteAPIKeyCredentialProvider": "the old one goes",
}
HEADER = '"x-frame-options": "DENY",'


@pytest.fixture(scope="module")
def project(pulumi, tmp_path_factory):
    """Return an engine in a folder with the program and the functions, as a checkout has them, and two stacks."""
    run, folder = pulumi(), tmp_path_factory.mktemp("two")
    (run.project / "infra").unlink()
    for name in ("infra", "functions"):
        shutil.copytree(ROOT / name, run.project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("shared", "pyproject.toml", "requirements.lock", ".tools"):
        if (ROOT / name).exists():
            (run.project / name).symlink_to(ROOT / name)
    for stack in ("dev", "pr-12"):
        own = (ROOT / "Pulumi.local.yaml").read_text().replace("http://fujie.", f"http://{stack}.fujie.")
        own += f"  fujie:agent: agent/agent.py\n  fujie:database_url: sqlite+aiosqlite:///{folder}/{stack}.db\n"
        (run.project / f"Pulumi.{stack}.yaml").write_text(own)
    (run.project / "agent").mkdir()
    tools(run, "archive", "diary")
    return run


def tools(run, archive, diary):
    (run.project / "agent" / "agent.py").write_text(AGENT.format(archive=archive, diary=diary))


@pytest.fixture(scope="module")
def nothing(project, cloud):
    return documents(cloud)


@pytest.fixture(scope="module")
def dev(project, nothing):
    return brought_up(project, "dev")


@pytest.fixture(scope="module")
def pr(project, dev, cloud):
    """Return the second stack, and what the account held before it came."""
    before = documents(cloud)
    return brought_up(project, "pr-12"), before


def brought_up(project, stack):
    run = dataclasses.replace(project, stack=stack)
    run.select()
    run.run("up", "--yes", "--skip-preview")
    return run


def answer_of(run):
    with httpx2.Client(trust_env=False, timeout=60) as http:
        answer = http.get(f"{run.outputs()['functions']['chat']}/api/me")
    assert answer.status_code == 200, answer.text
    return answer


def test_a_second_stack_touches_nothing_of_the_first_and_both_answer(dev, pr, nothing, cloud):
    second, before = pr
    came = changes(before, documents(cloud))
    assert not came & before.keys()
    assert {"fujie-pr-12-chat", "fujie-pr-12-tool"} <= {key for _, kind, key in came if kind == "function"}
    assert len(came) == len(changes(nothing, before))
    assert answer_of(dev).json() == answer_of(second).json()


def test_a_code_change_updates_one_function_and_nothing_else_and_that_runs_the_new_code(dev, pr, cloud):
    before = documents(cloud)
    code = dev.project / "functions" / "chat" / "headers.py"
    assert HEADER in code.read_text()
    code.write_text(code.read_text().replace(HEADER, f'{HEADER} "x-code": "new",'))
    told = dev.run("up", "--yes", "--skip-preview")
    assert re.search(r"~ 1 updated\s+\+-1 replaced\s+2 changes", told)
    changed = changes(before, documents(cloud))
    package = {row for row in changed if row[1] == "object"}
    assert changed - package == {("fc", "function", "fujie-dev-chat")}
    assert [key.startswith("fujie-dev-code-1900000000000001/code/chat/") for _, _, key in package] == [True, True]
    assert answer_of(dev).headers["x-code"] == "new"
    assert "x-code" not in answer_of(pr[0]).headers


def test_a_renamed_provider_is_made_then_its_users_move_to_it_and_then_the_old_one_goes(dev, pr, cloud):
    before = documents(cloud)
    seen = cloud.cloud.journal.after(0)[-1]["seq"]
    tools(dev, "records", "journal")
    dev.run("up", "--yes", "--skip-preview")
    changed = {row for row in changes(before, documents(cloud)) if row[1] != "object"}
    assert changed == {
        ("agentidentity", "APIKeyCredentialProvider", "fujie-dev/archive"),
        ("agentidentity", "APIKeyCredentialProvider", "fujie-dev/records"),
        ("agentidentity", "OAuth2CredentialProvider", "fujie-dev/diary"),
        ("agentidentity", "OAuth2CredentialProvider", "fujie-dev/journal"),
        ("fc", "function", "fujie-dev-process"),
        ("fc", "function", "fujie-dev-tool"),
        ("ram", "policy", "fujie-dev-tool-role-policy"),
    }
    policy = json.dumps(documents(cloud)["ram", "policy", "fujie-dev-tool-role-policy"])
    assert "apikeycredentialprovider/records" in policy
    moves = [row["action"] for row in cloud.cloud.journal.after(seen) if row["action"] in MOVES]
    assert [*dict.fromkeys(moves)] == [*MOVES]


def test_destroying_one_leaves_the_other_as_it_was_and_working(dev, pr, nothing, cloud):
    second, first = pr
    theirs = {row for row in documents(cloud) if "pr-12" in str(row)}
    before = documents(cloud)
    second.run("destroy", "--yes", "--skip-preview")
    gone = changes(before, documents(cloud))
    assert theirs <= gone
    assert not gone & documents(cloud).keys()
    assert len(gone) == len(changes(nothing, first))
    assert answer_of(dev).headers["x-code"] == "new"
    dev.run("destroy", "--yes", "--skip-preview")
    assert documents(cloud) == nothing
