"""An engine and an emulated cloud for the tests that need them."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from fujie_emulator.testing import running
from infra.engine.finding import HOW_TO_GET, find_engine
from infra.engine.running import engine_run, laid_out


@pytest.fixture(scope="session")
def engine():
    """Pulumi's engine; without one the tests are passed over, except where none may be."""
    found = find_engine(os.environ)
    if found is None and os.environ.get("FUJIE_TESTS_REQUIRE_ALL"):
        pytest.fail(HOW_TO_GET)
    if found is None:
        pytest.skip(HOW_TO_GET)
    return found


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def pulumi(engine, cloud, tmp_path_factory):
    """Return what runs the engine on a stack of the emulated cloud, each in a project folder of its own."""
    folder = tmp_path_factory.mktemp("pulumi")

    def pulumi(stack="local"):
        environ = {
            **os.environ,
            "PATH": os.pathsep.join((os.environ["PATH"], str(Path(sys.prefix).parent / ".tools" / "bin"))),
            "FUJIE_CLOUD_URL": cloud.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.access_key_secret,
            "PULUMI_CONFIG_PASSPHRASE": "of the test",
        }
        run = engine_run(stack, environ, project=laid_out(stack, folder / "project"), backend=folder / "state")
        run.select()
        return run

    yield pulumi
    shutil.rmtree(folder, ignore_errors=True)
