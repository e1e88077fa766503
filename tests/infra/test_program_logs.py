"""Where functions' logs go: a store of the stack, unless an emulated cloud has none that can be reached."""

import pytest

from infra.inputs import StackInputs
from infra.program import is_cloud_the_proxy, keeps_logs

CLOUD, OTHER = "http://127.0.0.1:8091", "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "found", "left"),
    [
        ({"FUJIE_CLOUD_URL": CLOUD, "HTTP_PROXY": CLOUD}, True, {"FUJIE_CLOUD_URL"}),
        ({"FUJIE_CLOUD_URL": CLOUD, "HTTP_PROXY": OTHER}, False, {"FUJIE_CLOUD_URL", "HTTP_PROXY"}),
        ({"HTTP_PROXY": OTHER}, False, {"HTTP_PROXY"}),
        ({}, False, set()),
    ],
)
def test_the_clouds_proxy_is_for_the_provider_alone(environ, found, left):
    assert is_cloud_the_proxy(environ) is found
    assert set(environ) == left


@pytest.mark.parametrize(
    ("cloud_url", "days", "through_cloud", "kept"),
    [("", 30, False, True), ("", 0, False, False), (CLOUD, 30, True, True), (CLOUD, 30, False, False)],
)
def test_logs_are_kept_where_their_store_is_reached(cloud_url, days, through_cloud, kept):
    inputs = StackInputs("1", "cn-beijing", "https://agent.example", cloud_url=cloud_url, log_retention_days=days)
    assert keeps_logs(inputs, through_cloud=through_cloud) is kept
