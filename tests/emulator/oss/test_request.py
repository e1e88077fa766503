import pytest

from fujie_emulator.oss.request import bucket_of_host


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("127.0.0.1:8091", ""),
        ("[::1]:8091", ""),
        ("localhost:8091", ""),
        ("oss-cn-beijing.aliyuncs.com", ""),
        ("fujie.localhost:8091", "fujie"),
        ("fujie.oss-cn-beijing.aliyuncs.com", "fujie"),
        ("http://fujie.oss-cn-beijing.aliyuncs.com", "fujie"),
        ("", ""),
    ],
)
def test_a_virtual_host_names_the_bucket(host, bucket):
    assert bucket_of_host(host) == bucket
