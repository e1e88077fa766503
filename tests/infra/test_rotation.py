"""A rotation puts a new key in front; what the one before made still opens and verifies, and nothing older does."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from fujie.errors import SettingsError
from fujie.identity.delegation import InboundTokens, Opener, Sealer, sha256_hex
from fujie.identity.errors import IdentityError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.rows import Delegation
from fujie.secret import Secret
from infra.inputs import inputs_from_config
from infra.rotation import NEEDED, rotate_local, rotate_stack
from infra.stack_file import values_from_file
from infra.stack_secrets import load_or_create
from tests.identity.world import ALICE
from tests.infra.mocked import run_program

DAY = date(2026, 1, 1)
LATER = DAY + NEEDED
STACK = """# mine
config:
  fujie:account_id: "1234567890123456"  # the account
  fujie:region: cn-beijing
  fujie:public_url: https://agent.example
"""


@pytest.fixture
def file(tmp_path):
    load_or_create(tmp_path / "keys.json", ["mail"])
    return tmp_path / "keys.json"


def secrets_of(file):
    return load_or_create(file, ["mail"])


def token(secrets):
    return InternalMinter("chat", secrets.signing["chat"].private).mint("process", delegation_id="d")


def verifies(secrets, unverified):
    verifier = InternalVerifier("process", {"chat": secrets.signing["chat"].public}, {"chat"})
    try:
        return verifier.verify(unverified).function == "chat"
    except IdentityError:
        return False


def test_tokens_of_the_key_before_verify_and_those_of_two_before_do_not(file):
    first = secrets_of(file)
    rotate_local(file, DAY)
    second = secrets_of(file)
    rotate_local(file, LATER)
    third = secrets_of(file)
    assert [verifies(second, token(each)) for each in (first, second)] == [True, True]
    assert [verifies(third, token(each)) for each in (first, second, third)] == [False, True, True]


def test_who_verifies_with_old_keys_alone_refuses_what_the_new_one_signs(file):
    first = secrets_of(file)
    rotate_local(file, DAY)
    assert not verifies(first, token(secrets_of(file)))


def test_what_was_sealed_before_opens_after_and_new_sign_ins_are_sealed_to_the_new_key(file, sealed_row):
    first = secrets_of(file)
    rotate_local(file, DAY)
    second = secrets_of(file)
    old, new = (sealed_row(Sealer(each.sealing.public)) for each in (first, second))
    opened = [Opener(second.sealing.private).open(row, f"{row.id}.secret") for row in (old, new)]
    assert [tokens.id_token.reveal() for tokens in opened] == ["id", "id"]
    with pytest.raises(IdentityError):
        Opener(first.sealing.private).open(new, f"{new.id}.secret")


@pytest.fixture
def sealed_row():
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def row(sealer):
        tokens = InboundTokens(Secret("id"), None, at, sha256_hex("secret"))
        return Delegation("row", ALICE, "", sealer.seal("row", ALICE, "", tokens), at, at)

    return row


def test_the_ledger_and_the_providers_keep_theirs(file):
    before = secrets_of(file)
    rotate_local(file, DAY)
    after = secrets_of(file)
    assert (after.ledger, after.provider_secrets) == (before.ledger, before.provider_secrets)
    assert len({each.card.public for each in (before, after)}) == 2
    assert file.stat().st_mode & 0o077 == 0


def test_a_second_rotation_waits_until_no_sign_in_needs_the_first_key(file):
    rotate_local(file, DAY)
    kept = file.read_text()
    with pytest.raises(SettingsError, match="may be needed until 2026-01-09"):
        rotate_local(file, LATER - timedelta(days=1))
    assert file.read_text() == kept
    rotate_local(file, DAY, at_once=True)
    assert file.read_text() != kept


@pytest.mark.parametrize("content", ["{", "[]", '{"sealing": 7}', json.dumps({"signing/chat": {"private": "x"}})])
def test_a_damaged_file_is_left_as_it_is(tmp_path, content):
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match="damaged"):
        rotate_local(file, DAY)
    assert file.read_text() == content


@pytest.fixture
def root(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK)
    return tmp_path


def test_a_deployed_stack_asks_for_the_next_generation_and_its_file_stays_as_it_was_written(root):
    assert rotate_stack("dev", DAY, root=root) == 2
    assert rotate_stack("dev", LATER, root=root) == 3
    added = '  fujie:keys_rotated_on: "2026-01-09"\n  fujie:key_generation: 3\n'
    assert (root / "Pulumi.dev.yaml").read_text() == STACK.replace("config:\n", f"config:\n{added}")
    values = values_from_file("dev", root) | {"fujie:cloud_url": "http://127.0.0.1:1", "fujie:database_url": "x"}
    assert inputs_from_config(values, "dev", {}).key_generation == 3


def test_a_deployed_stack_waits_too(root):
    rotate_stack("dev", DAY, root=root)
    with pytest.raises(SettingsError, match="may be needed until"):
        rotate_stack("dev", DAY, root=root)
    assert rotate_stack("dev", DAY, at_once=True, root=root) == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [("fujie:key_generation: soon", "not a number"), ('fujie:keys_rotated_on: "soon"', "is no day")],
)
def test_what_is_written_wrongly_is_refused_and_stays(root, line, words):
    file = root / "Pulumi.dev.yaml"
    file.write_text(f"{STACK}  {line}\n")
    with pytest.raises(SettingsError, match=words):
        rotate_stack("dev", DAY, root=root)
    assert file.read_text() == f"{STACK}  {line}\n"


def test_a_deployed_functions_environment_holds_the_key_before_behind_the_new_one(monkeypatch, tmp_path):
    """A generation is a resource of its own: the one before stays what it was."""
    declared = run_program(monkeypatch, tmp_path, key_generation="3")
    assert {"sealing-3", "sealing-2", "ledger"} <= set(declared.of("GeneratedKey"))
    assert not {"sealing", "ledger-3"} & set(declared.of("GeneratedKey"))
    tool = declared.of("V3Function")["tool"]["environmentVariables"]
    held = [key["d"] for key in json.loads(tool["FUJIE_SEALING_PRIVATE_KEY"])["keys"]]
    assert held == ["private of sealing-3", "private of sealing-2"]
