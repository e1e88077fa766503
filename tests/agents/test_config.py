"""What a configuration cannot be, said where it is made."""

import pytest

from fujie import AgentConfig
from fujie.errors import SettingsError


@pytest.mark.parametrize(
    ("fields", "words", "repair"),
    [
        ({"open_access": "everywhere"}, "open_access is 'everywhere'", "anywhere"),
        ({"port": "8080"}, "port is '8080'", "number"),
        ({"port": 99999}, "port is 99999", "65535"),
        ({"timeout_s": -1}, "timeout_s is -1", "seconds"),
        ({"timeout_s": "x"}, "timeout_s is 'x'", "seconds"),
        ({"cors_origins": "http://x"}, "cors_origins is the text 'http://x'", "list"),
        ({"api_keys": "abc"}, "api_keys is the text 'abc'", "list"),
    ],
)
def test_what_cannot_be_is_refused_at_once_with_what_to_do(fields, words, repair):
    with pytest.raises(SettingsError, match=words) as refused:
        AgentConfig(**fields)
    assert repair in refused.value.repair
    assert refused.value.__notes__ == [refused.value.repair]


@pytest.mark.parametrize("open_access", [True, False, "loopback", "anywhere"])
def test_what_can_be_is_taken(open_access):
    assert AgentConfig(open_access=open_access, timeout_s=1, port=0).open_access == open_access
