"""What COVERAGE.md says of STS beside its action tables."""

from fujie_emulator.core.coverage import Coverage, Note

COVERAGE = Coverage(
    title="sts 2015-04-01",
    source="documented",
    client="alibabacloud_sts20150401",
    notes={
        "AssumeRole": Note(
            partly="the root key may assume a role that trusts the account; the real service refuses root"
        ),
        "AssumeRoleWithOIDC": Note(partly="the fingerprints of the issuer's certificate are not compared"),
        "GetCallerIdentity": Note(source="captured"),
    },
    inventions=("`AuthenticationFail.OIDCToken.*` answer 400 (the codes are documented, the status is inferred).",),
)
