import pytest

from fujie_emulator.core.account import ACCOUNT_ID, Account
from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.core.store import Store


def test_the_account_is_made_once_and_kept(tmp_path):
    store = Store(tmp_path)
    first = Account.opened(store)
    store.close()
    store = Store(tmp_path)
    assert Account.opened(store) == first
    assert Account.opened(store).access_key_secret == first.access_key_secret
    store.close()


def test_two_states_have_different_keys_and_users(tmp_path):
    stores = [Store(tmp_path / name) for name in "ab"]
    one, two = (Account.opened(store) for store in stores)
    assert one.access_key_secret != two.access_key_secret
    assert one.user("alice").user_id != two.user("alice").user_id
    for store in stores:
        store.close()


def test_the_demo_users_have_ids_of_18_digits(cloud):
    assert [user.name for user in cloud.users] == ["alice", "bob"]
    assert all(len(user.user_id) == 18 and user.user_id.isdigit() for user in cloud.users)
    assert cloud.account.user("carol") is None


def test_the_secret_is_not_shown(cloud):
    assert cloud.account.access_key_secret not in repr(cloud)


def test_a_half_written_account_gets_one_sentence(tmp_path):
    store = Store(tmp_path)
    store.put("core", "account", ACCOUNT_ID, {"access_key_id": "x"})
    with pytest.raises(EmulatorError, match="half-written"):
        Account.opened(store)
    store.close()
