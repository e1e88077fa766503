import json

import pytest

from fujie.errors import SettingsError
from infra.stack_secrets import load_or_create


def test_secrets_are_made_once_and_kept_private(tmp_path):
    file = tmp_path / "keys.json"
    first, second = load_or_create(file, ["mail"]), load_or_create(file, ["mail"])
    assert first == second
    assert file.stat().st_mode & 0o077 == 0
    assert "***" in repr(first)
    assert first.sealing.private.reveal() not in repr(first)


def test_a_new_provider_gets_a_secret_and_the_others_keep_theirs(tmp_path):
    file = tmp_path / "keys.json"
    before = load_or_create(file, ["mail"])
    after = load_or_create(file, ["mail", "maps"])
    assert after.provider_secrets["mail"] == before.provider_secrets["mail"]
    assert after.provider_secrets["maps"] != after.provider_secrets["mail"]


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"signing/chat": 7})])
def test_a_damaged_file_is_one_clear_error(tmp_path, content):
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match="damaged") as refused:
        load_or_create(file, [])
    assert "--reset" in refused.value.repair
