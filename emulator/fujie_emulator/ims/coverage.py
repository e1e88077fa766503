"""What COVERAGE.md says of IMS beside its action tables."""

from fujie_emulator.core.coverage import Coverage, captured

COVERAGE = Coverage(
    title="ims 2019-08-15",
    source="documented",
    client="alibabacloud_ims20190815",
    notes=captured("CreateApplication CreateAppSecret DeleteApplication"),
    inventions=(
        "Which codes malformed redirect URIs, scopes and validities get; http at `*.localhost` is this machine, too.",
        "`SecretRequired` is off unless given for native applications (documented) and for protocol 2.1 (inferred).",
        "The codes of an OIDC provider's parts (`EntityNotExist.OIDCProvider.Fingerprint` and the like).",
        "An OIDC issuer may be http on this machine's loopback; an issuance limit not given is 12 hours.",
    ),
)
