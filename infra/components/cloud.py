"""Which cloud the published provider talks to, and as whom: the operator's key stays in the environment."""

import pulumi_alicloud as alicloud

from infra.config import StackConfig

LOGS = "http-sls.fujie.test"
"""Names the emulated log service, whose projects are hosts: an emulated cloud is reached as the proxy for them.

A client of the provider that insists on https elsewhere takes an endpoint that begins with http as it is.
"""
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
        endpoints=[alicloud.ProviderEndpointArgs(**dict.fromkeys(_EMULATED, host), log=LOGS)],
    )
