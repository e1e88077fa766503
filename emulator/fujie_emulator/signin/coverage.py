"""What COVERAGE.md says of sign-in; its operations are the journal's names of its routes."""

from fujie_emulator.core.coverage import Coverage, Note

COVERAGE = Coverage(
    title="sign-in (oauth.aliyun.com, signin.aliyun.com)",
    source="documented",
    done=lambda: ("Authorize", "Choose", "Token", "Revoke", "UserInfo", "Keys", "Discovery"),
    notes={
        "Authorize": Note(partly="S256 only, where the real service also takes `plain`"),
        "Choose": Note(partly="a demo user signs in with one button and no password", source="invented"),
        "Discovery": Note(partly="the issuer is this address and says http; S256 only"),
        "UserInfo": Note(source="inferred"),
    },
    inventions=(
        "The words of the pages, and that scopes beyond openid, profile and aliuid ask for consent.",
        "A code is good for 60 s; one sent to Agent Identity's callback for 10 minutes, as long as a consent session.",
        "`POST /_fujie/signin/keys` rotates the signing key; the one before it stays published.",
    ),
)
