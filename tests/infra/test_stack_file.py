import pytest

from fujie.errors import SettingsError
from infra.stack_file import HIDDEN, inputs_without_secrets, values_from_file

WHOLE = """
config:
  fujie:account_id: "1234567890123456"
  fujie:region: cn-beijing
  fujie:public_url: https://agent.example
  fujie:key_generation: 2
  fujie:protect_data: true
  fujie:adopt: [a, b]
  fujie:llm_api_key:
    secure: AAABAD
  fujie:provider_secrets:
    weather:
      secure: AAABAE
"""


def written(folder, text, stack="dev"):
    (folder / f"Pulumi.{stack}.yaml").write_text(text)
    return folder


def test_a_stacks_file_is_read_as_the_engine_would_give_it(tmp_path):
    given = inputs_without_secrets("dev", {}, written(tmp_path, WHOLE))
    assert (given.account_id, given.key_generation, given.protect_data) == ("1234567890123456", 2, True)
    assert given.adopt == ("a", "b")


def test_what_is_encrypted_stays_unknown(tmp_path):
    values = values_from_file("dev", written(tmp_path, WHOLE))
    assert values["fujie:llm_api_key"] == HIDDEN
    assert "AAAB" not in str(values)


def test_secrets_that_are_not_set_yet_do_not_matter(tmp_path):
    text = "\n".join(line for line in WHOLE.splitlines() if "secure" not in line and "llm_" not in line)
    assert inputs_without_secrets(
        "dev", {}, written(tmp_path, text.replace("  fujie:provider_secrets:\n    weather:", ""))
    )


def test_a_stack_without_a_file_is_refused_with_those_that_have_one(tmp_path):
    written(written(tmp_path, WHOLE), WHOLE, "prod")
    with pytest.raises(SettingsError, match=r"no Pulumi\.pr-1\.yaml") as refused:
        values_from_file("pr-1", tmp_path)
    assert refused.value.repair == "stacks here: dev, prod"


@pytest.mark.parametrize("text", ["[1]", "config: 7", "a: b: c", "config:\n  fujie:secret: no\n"])
def test_a_file_that_is_no_configuration_is_one_sentence(tmp_path, text):
    with pytest.raises(SettingsError, match=r"not a stack's configuration|unknown key"):
        inputs_without_secrets("dev", {}, written(tmp_path, text))
