"""Errors of identity and credentials.

IdentityError                    cloud_code, request_id, http_status when the cloud said it
├── TokenInvalidError            401 token_invalid
│   └── TokenExpiredError        401 token_expired
├── IssuerUnavailableError       503 the issuer's discovery or keys cannot be had
├── SignInError                  400 a sign-in that was not begun here, is over, or was used
├── DelegationRequiredError      403 the run has no user
├── DelegationMismatchError      403 run, delegation, session and user do not belong together
├── DelegationExpiredError       401 sign_in_again
├── AuthorizationRequired        not a failure: the user is asked, the run pauses
│   └── OwnAuthorizationRequired in an agent's own process: carries the cloud's link, for this user's browser alone
├── ConsentDeniedError           403 the user said no
├── ConsentNotFoundError         404
├── ConsentForeignError          403 another user's
│   └── ConsentElsewhereError    403 the user's own, of another browser session
├── ConsentStateError            409 used, answered or expired
├── IdentityMisconfiguredError   500 the stack lacks something; repair says what
├── BlockingCallError            500 a sync call inside a running event loop
├── HostUndeclaredError          403 a credential was about to leave for a host that it is not for
├── ThrottledError               429 retry_after_s
├── CloudUnavailableError        503 the cloud cannot be reached or is out of order
└── CloudRefusedError            502 the cloud said no, for a reason that none of the above names
"""

from datetime import datetime
from typing import TYPE_CHECKING

from fujie.errors import FujieError
from fujie.permission import ConsentRequest

if TYPE_CHECKING:
    from fujie.identity.links import Link


class IdentityError(FujieError):
    """Who is asking, for whom, or with what, could not be established."""

    code = "identity"

    def __init__(
        self, message: str, *, repair: str = "", cloud_code: str = "", request_id: str = "", http_status: int = 0
    ) -> None:
        super().__init__(message, repair=repair)
        self.cloud_code = cloud_code
        self.request_id = request_id
        self.http_status = http_status


class TokenInvalidError(IdentityError):
    """The token is not one that this stack accepts."""

    code = "token_invalid"
    status = 401


class TokenExpiredError(TokenInvalidError):
    """The token was good and its time is over."""

    code = "token_expired"


class IssuerUnavailableError(IdentityError):
    """The issuer's metadata or keys cannot be had, so that no token of its can be judged."""

    code = "issuer_unavailable"
    status = 503


class SignInError(IdentityError):
    """The sign-in was not begun in this browser, is over, was used, or the issuer refused it."""

    code = "sign_in_failed"
    status = 400


class DelegationRequiredError(IdentityError):
    """The run has no user, and what it wants needs one."""

    code = "delegation_required"
    status = 403


class DelegationMismatchError(IdentityError):
    """Run, delegation, session and user do not belong together."""

    code = "delegation_mismatch"
    status = 403


class DelegationExpiredError(IdentityError):
    """The user's delegation has ended or was withdrawn: the user signs in again."""

    code = "sign_in_again"
    status = 401


class AuthorizationRequired(IdentityError):
    """Not a failure: the user is asked for permission, and the run pauses until the answer."""

    code = "authorization_required"
    status = 403

    def __init__(self, consent: ConsentRequest, *, run_id: str = "") -> None:
        super().__init__(f"the user's permission for {consent.provider} is needed")
        self.consent = consent
        self.run_id = run_id


class OwnAuthorizationRequired(AuthorizationRequired):
    """The user has to open a link first, and the agent's own process has no connect page to send him to.

    `authorization_url` is the cloud's own page, never the provider's: it works once, for some minutes, and for the user
    of this request alone. Show it to nobody else, and complete only with the id_token of whoever came back in that
    user's own session: a link that was passed on would otherwise store a stranger's permission under this user.
    Raised out of an agent's function it pauses the run, which `link` lets go on.
    """

    def __init__(
        self, consent: ConsentRequest, *, session_uri: str, expires_at: datetime, link: "Link | None" = None
    ) -> None:
        super().__init__(consent)
        self.provider = consent.provider
        self.scopes = tuple(scope.name for scope in consent.scopes)
        self.authorization_url = consent.connect_url
        self.session_uri = session_uri
        self.expires_at = expires_at
        self.link = link


class ConsentDeniedError(IdentityError):
    """The user said no."""

    code = "consent_denied"
    status = 403


class ConsentNotFoundError(IdentityError):
    """There is no such request for consent."""

    code = "consent_not_found"
    status = 404


class ConsentForeignError(IdentityError):
    """The request for consent belongs to another user."""

    code = "consent_foreign"
    status = 403


class ConsentElsewhereError(ConsentForeignError):
    """The request for consent is the user's own, and belongs to another browser session."""

    code = "consent_elsewhere"


class ConsentStateError(IdentityError):
    """The request for consent was used, answered, or its time is over."""

    code = "consent_state"
    status = 409


class IdentityMisconfiguredError(IdentityError):
    """The stack lacks something, or holds it wrongly; the repair says what to do."""

    code = "identity_misconfigured"


class BlockingCallError(IdentityError):
    """A sync function was called inside a running event loop, which waiting would have stopped."""

    code = "blocking_call"


class HostUndeclaredError(IdentityError):
    """A request with a credential was about to leave for a host that the credential is not declared for."""

    code = "host_undeclared"
    status = 403


class ThrottledError(IdentityError):
    """The cloud asks for patience."""

    code = "throttled"
    status = 429

    def __init__(self, message: str, *, retry_after_s: float, cloud_code: str = "", request_id: str = "") -> None:
        super().__init__(message, cloud_code=cloud_code, request_id=request_id, http_status=429)
        self.retry_after_s = retry_after_s


class CloudUnavailableError(IdentityError):
    """The cloud cannot be reached, or is out of order; try again."""

    code = "cloud_unavailable"
    status = 503


class CloudRefusedError(IdentityError):
    """The cloud refused, under the code that `cloud_code` keeps."""

    code = "cloud_refused"
    status = 502
