"""A stack that `pulumi up` made in the emulated cloud."""

from fujie.secret import Secret
from infra.deploy import furnish
from infra.local import Emulator
from tests.e2e.emulated import EmulatedStack


class DeployedStack(EmulatedStack):
    """The stack `local`, its functions run from their packages by the emulated Function Compute."""

    function_prefix = "fujie-local-"
    token_vault = "fujie-local"

    def __init__(self, cloud, run):
        super().__init__()
        self._cloud = cloud
        self.outputs = run.outputs()
        self.ready = {
            "url": self.outputs["url"],
            "cloud": cloud.url,
            "account_id": cloud.account_id,
            "region": cloud.region,
            "access_key_id": cloud.access_key_id,
            "access_key_secret": cloud.access_key_secret,
        }

    @property
    def admin_token(self):
        return self._cloud.cloud.admin_token

    def provider_secret(self, provider):
        return self.outputs["provider_secrets"].get(provider, "")


def brought_up(run, cloud, *given):
    """Do what `make deploy` does with these values of its configuration."""
    run.run("up", "--yes", "--skip-preview", *(word for each in given for word in ("--config", each)))
    key = Secret(cloud.access_key_secret)
    people = ("alice", "bob")
    token = Secret(cloud.cloud.admin_token)
    furnish(run, Emulator(cloud.url, cloud.account_id, cloud.region, cloud.access_key_id, key, people, token))
    return DeployedStack(cloud, run)
