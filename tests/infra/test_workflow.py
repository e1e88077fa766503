"""The example workflow of docs/deploy.md does what it says: its own commands, run with the real engine."""

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.infra.operator_life import Operator
from tests.infra.test_up import inventory
from tests.infra.workflows import Runner, commands

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
NOT_CODE = shutil.ignore_patterns("__pycache__", ".fujie")
GH = """#!/bin/sh
echo "$@" >> "$CHECKOUT/gh.txt"
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a checkout as a runner has it: the code, and an installed environment."""
    folder = tmp_path_factory.mktemp("runner") / "checkout"
    for part in ("infra", "functions", "shared"):
        shutil.copytree(ROOT / part, folder / part, ignore=NOT_CODE)
    for file in (*ROOT.glob("Pulumi*.yaml"), ROOT / "pyproject.toml", ROOT / "requirements.lock"):
        shutil.copyfile(file, folder / file.name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".fujie").mkdir()
    (ROOT / ".fujie" / "packages").mkdir(parents=True, exist_ok=True)
    (folder / ".fujie" / "packages").symlink_to(ROOT / ".fujie" / "packages")
    return folder


@pytest.fixture(scope="module")
def operator(cloud):
    return Operator(cloud)


@pytest.fixture(scope="module")
def runner(engine, cloud, checkout, operator):
    """Return what runs the jobs of pull request 12 with the operator's key of the environment dev."""
    tools, backend = checkout.parent / "bin", checkout.parent / "state"
    tools.mkdir()
    backend.mkdir()
    for name, text in {"gh": GH, "make": "#!/bin/sh\n"}.items():  # `make install engine` is done
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    environ = {
        **os.environ,
        "PATH": os.pathsep.join((str(tools), os.environ["PATH"], str(ROOT / ".tools" / "bin"))),
        "PYTHONPATH": os.pathsep.join(map(str, (checkout, checkout / "shared"))),
        "PULUMI_HOME": str(backend / "home"),
        "FUJIE_CLOUD_URL": cloud.url,
        "CHECKOUT": str(checkout),
    }
    secrets = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": operator.key.id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": operator.key.secret.reveal(),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "of the environment",
        "PR_DATABASE_URL": f"sqlite+aiosqlite:///{backend}/{{stack}}.db",
    }
    known = {f"secrets.{name}": value for name, value in secrets.items()}
    known |= {"github.event.number": "12", "github.event.action": "synchronize", "github.token": "the-runs-token"}
    fill_in(checkout, cloud)
    return Runner(checkout, environ, known)


def allowed(runner, *options):
    """Return what `fujie policy operator` prints, policy by policy."""
    words = [".venv/bin/fujie", "policy", "operator", "--stack", "dev", *options]
    done = subprocess.run(
        words, cwd=runner.checkout, env=runner.environ, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip().split("\n\n")


def fill_in(checkout, cloud):
    """Fill in the configuration of dev, as somebody did before."""
    file = checkout / "Pulumi.dev.yaml"
    read = yaml.safe_load(file.read_text())
    read["config"] |= {
        "fujie:account_id": cloud.account_id,
        "fujie:issuer": f"{cloud.url}/oauth",
        "fujie:database_url": f"sqlite+aiosqlite:///{checkout.parent}/dev.db",
        "fujie:llm_base_url": f"{cloud.url}/llm/v1",
    }
    file.write_text(yaml.safe_dump(read))


def test_a_pull_request_is_told_what_it_changes_in_dev(runner, operator, checkout, cloud):
    operator.may(*allowed(runner))
    before = inventory(cloud)
    assert runner.run("preview") == ""
    comment = (checkout / "comment.md").read_text()
    assert comment.startswith("### What this changes in `dev`\n\n```\n")
    assert "+  alicloud:fc:V3Function chat create" in comment
    assert "fujie-dev-chat" not in str(before)
    assert (checkout / "gh.txt").read_text().split()[:3] == ["pr", "comment", "12"]
    assert inventory(cloud) == before


def test_a_pull_request_is_told_what_is_in_the_way(runner, operator, checkout):
    operator.may()
    assert "fujie doctor --stack dev" in runner.run("preview")
    comment = (checkout / "comment.md").read_text()
    assert "ram:GetRole is refused: NoPermission -> give it the policy that `fujie policy operator" in comment
    assert comment.endswith("```\n")


def test_with_the_label_it_has_a_stack_of_its_own_until_it_is_closed(runner, operator, cloud):
    operator.may(*allowed(runner, "--named", "pr-*"))
    before = inventory(cloud)
    assert runner.run("own-stack") == ""
    made = {(kind, key) for _, kind, key in inventory(cloud) - before}
    assert {("function", "fujie-pr-12-chat"), ("domain", "pr-12.dev.agent.example")} <= made
    closed = replace(runner, known=runner.known | {"github.event.action": "closed"})
    assert closed.run("own-stack") == ""
    assert inventory(cloud) == before


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_merge_and_a_release_look_first_and_then_apply(stack):
    assert commands(stack) == [
        "make install engine",
        f".venv/bin/fujie doctor --stack {stack}",
        f".venv/bin/python -m infra.deploy up --stack {stack} --yes --non-interactive",
    ]
