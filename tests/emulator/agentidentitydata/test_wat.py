"""A workload access token is opaque, sealed by this cloud, and good for five minutes."""

import base64
import json
from contextlib import closing

import pytest

from fujie_emulator.agentidentitydata import wat
from fujie_emulator.agentidentitydata.wat import UserContext, WorkloadAccess
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.opening import open_cloud

ACCESS = WorkloadAccess("demo", "arn", UserContext("jwt", "alice", "issuer", "chat", "j"))


def refused(cloud, token):
    with pytest.raises(CloudError) as caught:
        wat.open_token(cloud, token)
    return caught.value


def test_what_is_sealed_comes_out(cloud):
    assert wat.open_token(cloud, wat.seal(cloud, ACCESS)) == ACCESS
    assert wat.open_token(cloud, wat.seal(cloud, WorkloadAccess("demo", "arn", None))).user is None


def test_it_is_an_encrypted_jwe(cloud):
    token = wat.seal(cloud, ACCESS)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert (header["alg"], header["enc"], token.count(".")) == ("dir", "A256GCM", 4)
    assert wat.seal(cloud, ACCESS) != token


def test_it_ends_after_five_minutes_of_the_clouds_clock(cloud):
    token = wat.seal(cloud, ACCESS)
    cloud.clock.advance(299)
    wat.open_token(cloud, token)
    cloud.clock.advance(2)
    assert refused(cloud, token).code == "InvalidParameter.WorkloadAccessToken"


def test_a_restart_keeps_it_valid_and_another_cloud_does_not_take_it(cloud, tmp_path):
    mine = open_cloud(tmp_path / "mine", cloud.base_url)
    with closing(mine.store):
        token = wat.seal(mine, ACCESS)
    again = open_cloud(tmp_path / "mine", cloud.base_url)
    with closing(again.store):
        assert wat.open_token(again, token) == ACCESS
    assert refused(cloud, token).code == "InvalidParameter.WorkloadAccessToken"


@pytest.mark.parametrize("place", range(5))
def test_a_changed_part_is_refused(cloud, place):
    parts = wat.seal(cloud, ACCESS).split(".")
    parts[place] = "A" + parts[place][1:] if not parts[place].startswith("A") else "B" + parts[place][1:]
    assert refused(cloud, ".".join(parts)).code == "InvalidParameter.WorkloadAccessToken"


@pytest.mark.parametrize("token", ["x", "a.b.c.d.e", "....", "é....", "a" * 20_000])
def test_what_is_no_token_is_refused(cloud, token):
    assert refused(cloud, token).code == "InvalidParameter.WorkloadAccessToken"


def test_no_token_at_all_is_a_missing_parameter(cloud):
    assert refused(cloud, "").code == "MissingParameter.WorkloadAccessToken"


def test_a_proved_user_an_asserted_one_and_one_of_another_issuer_are_three():
    users = [UserContext("jwt", "a", "i"), UserContext("user_id", "a"), UserContext("jwt", "a", "j")]
    assert len({user.key for user in users}) == 3
