"""What was there before the stack: refused in one sentence with the repair, and taken over once it is named."""

import pytest

from fujie_emulator.agentidentity import state
from fujie_emulator.agentidentity.entities import TOKEN_VAULT
from infra.engine.running import EngineError

pytestmark = pytest.mark.engine

WITHOUT_THE_REST = tuple(
    word
    for kind in ("HostedFunction", "Domain", "alicloud:oss", "alicloud:ram", "WorkloadIdentity", "Migration")
    for word in ("--exclude", f"**{kind}**")
)


def test_a_vault_that_somebody_made_is_taken_over_only_by_name(pulumi, cloud):
    run = pulumi()
    by_hand = {"Description": "by hand", "EncryptionConfig": {}, "RoleArn": ""}
    made = state.create(cloud.cloud, TOKEN_VAULT, "fujie-local", by_hand)
    with pytest.raises(EngineError, match=r"there is a TokenVault 'fujie-local' already.*'adopt"):
        run.run("up", "--yes", "--skip-preview", *WITHOUT_THE_REST)
    assert state.get(cloud.cloud, TOKEN_VAULT, "fujie-local")["Description"] == "by hand"
    run.run("config set", "--path", "adopt[0]", "fujie-local")
    run.run("up", "--yes", "--skip-preview", *WITHOUT_THE_REST)
    adopted = state.get(cloud.cloud, TOKEN_VAULT, "fujie-local")
    assert (adopted["Description"], adopted["CreateTime"]) == ("Fujie stack local", made["CreateTime"])
