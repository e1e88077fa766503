"""Creations that fail once, refused or with their answer lost: deployments that are repeated finish, and make nothing
twice.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from fujie_emulator.core import serving
from fujie_emulator.ram.state import Ram
from fujie_emulator.testing import running
from infra.engine.mending import mend
from tests.infra.accounts import inventory
from tests.infra.failing import LOST, REFUSED, FirstFails

pytestmark = pytest.mark.engine

SOMEBODY_ELSES = "fujie-local-tool-role"
SPARED = (
    SOMEBODY_ELSES,
    "/2023-03-30/functions fujie-local-tool",
    "/2023-03-30/functions fujie-local-process",
    "/2023-03-30/functions/fujie-local-tool/triggers ",
    "/2023-03-30/functions/fujie-local-process/triggers ",
)
"""On the way of all others, so that their failing would make the test much longer; there are two more of each kind."""
BOTH = {LOST, REFUSED}
HOW_THEY_FAIL = {
    "AttachPolicyToRole": BOTH,
    "CreateAPIKeyCredentialProvider": {LOST},
    "CreateAppSecret": {LOST},
    "CreateApplication": BOTH,
    "CreateIdentityProvider": {LOST},
    "CreateOAuth2CredentialProvider": BOTH,
    "CreatePolicy": BOTH,
    "CreateRole": BOTH,
    "CreateTokenVault": {LOST},
    "CreateWorkloadIdentity": {LOST},
    "async-invoke-config": BOTH,
    "bucket": BOTH,
    "custom-domains": {LOST},
    "functions": BOTH,
    "invocations": {LOST},
    "object": BOTH,
    "triggers": BOTH,
}
MOST_TIMES = 12
BY_FUNCTIONS = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}
FOR_FUNCTIONS = {"Version": "1", "Statement": [BY_FUNCTIONS]}


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """Return a cloud at which creations fail, and what makes them."""
    made = []

    def create_app(cloud, services):
        made.append(FirstFails(real(cloud, services), SPARED))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        real = serving.create_app
        patch.setattr(serving, "create_app", create_app)
        with running(tmp_path_factory.mktemp("failing")) as cloud:
            yield cloud, made[0]


@pytest.fixture(scope="module")
def cloud(failing):
    return failing[0]


@pytest.fixture(scope="module")
def mended(pulumi):
    """Return the engine of the stack, after what every deployment does first."""
    run = pulumi()

    def mended():
        mend(run, Path(run.environ["PULUMI_BACKEND_URL"].removeprefix("file://")))
        return run

    return mended


def again_and_again(mended):
    """Deploy until nothing fails any more; return how often that took."""
    for times in range(1, MOST_TIMES + 1):
        told = mended().run("up", "--yes", "--skip-preview", "--continue-on-error", check=False)
        if "errored" not in told:
            return times
    return pytest.fail(told)


def test_whatever_fails_the_deployments_after_it_finish_and_nothing_is_made_twice(mended, failing):
    cloud, fails = failing
    before = inventory(cloud)
    ram = Ram(cloud.cloud.account, cloud.cloud.store, cloud.cloud.clock)
    ram.create_role(SOMEBODY_ELSES, json.dumps(FOR_FUNCTIONS), "by hand", 3600, [])
    assert "EntityAlreadyExists" in mended().run("up", "--yes", "--skip-preview", "--continue-on-error", check=False)
    in_the_state = json.loads(mended().run("stack export"))["deployment"]["resources"]
    assert SOMEBODY_ELSES not in {each.get("id") for each in in_the_state}
    ram.delete_role(SOMEBODY_ELSES)

    assert again_and_again(mended) > 1
    how = defaultdict(set)
    for (kind, _), failure in fails.failed.items():
        how[kind].add(failure)
    assert how == HOW_THEY_FAIL

    run = mended()
    run.run("preview", "--expect-no-changes")
    names = [doc["app_name"] for _, doc in cloud.cloud.store.list("ims", "application")]
    assert sorted(names) == ["fujie-local-out-aliyun", "fujie-local-web"]
    assert len(cloud.cloud.store.list("ims", "secret")) == 1
    state = run.run("stack export")
    assert not [secret for secret in run.outputs()["provider_secrets"].values() if secret in state]
    run.run("destroy", "--yes", "--skip-preview")
    assert inventory(cloud) == before
