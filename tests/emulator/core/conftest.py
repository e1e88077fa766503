import json

import pytest

from fujie_emulator.core.iam import assume_role

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "fc.aliyuncs.com"}}],
}


def _key(cloud, session_name):
    return assume_role(
        cloud, "runner", principal={"Service": "fc.aliyuncs.com"}, session_name=session_name, duration_s=900
    )


@pytest.fixture
def role(cloud):
    return cloud.iam.ram.create_role("runner", json.dumps(TRUST), "", 3600, [])


@pytest.fixture
def role_key(cloud, role):
    return _key(cloud, "night")


@pytest.fixture
def another_role_key(cloud, role):
    return _key(cloud, "day")
