"""Which cloud the published provider talks to, and as whom: the operator's key stays in the environment."""

import pulumi_alicloud as alicloud

from infra.config import StackConfig

_EMULATED = ("fc", "ram", "sts", "ims", "oss", "mns_open", "bssopenapi", "location", "tag")


def provider_of(config: StackConfig) -> alicloud.Provider:
    """Return the provider for this stack's account and region."""
    if not config.cloud_url:
        return alicloud.Provider("cloud", region=config.region, account_id=config.account_id)
    scheme, _, host = config.cloud_url.partition("://")
    return alicloud.Provider(
        "cloud",
        region=config.region,
        account_id=config.account_id,
        account_type="Domestic",  # else the provider asks a billing service which it is
        protocol=scheme.upper(),
        skip_region_validation=True,
        endpoints=[alicloud.ProviderEndpointArgs(**dict.fromkeys(_EMULATED, host))],
    )
