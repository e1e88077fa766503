"""Which page tells a person about which end: errors and outcomes to notices."""

from fujie import clock
from fujie.errors import FujieError
from fujie.http import NoAnswerError
from fujie.identity.errors import (
    CloudRefusedError,
    CloudUnavailableError,
    ConsentElsewhereError,
    ConsentForeignError,
    ConsentNotFoundError,
    ConsentStateError,
    DelegationExpiredError,
    DelegationMismatchError,
    IssuerUnavailableError,
    ThrottledError,
    TokenExpiredError,
)
from fujie.identity.rows import OPEN_CONSENT, Consent, ConsentStatus
from fujie.sessions.errors import StoreUnavailableError
from functions.callback.pages import Notice

DONE = Notice("done", tone="good")
DONE_BEFORE = Notice("done_before", 409, "good")
DENIED = Notice("denied", tone="calm")
FORGED = Notice("forged", 403)
SIGNED_OUT = Notice("signed_out", 401)
MALFORMED = Notice("malformed", 400)
REFUSED = Notice("refused", 502)
UPSTREAM = Notice("upstream", 503, retry=True)
UNSURE = Notice("unsure", 503, "calm")
BROKEN = Notice("error", 500, retry=True)

EXPIRED = Notice("expired", 410, "calm")
OUTCOMES: dict[ConsentStatus, Notice] = {
    "returned": UPSTREAM,
    "completed": DONE_BEFORE,
    "denied": DENIED,
    "expired": EXPIRED,
    "cancelled": Notice("cancelled", 410, "calm"),
}
USED = Notice("used", 409, "calm")

_BY_ERROR: tuple[tuple[tuple[type[FujieError], ...], Notice], ...] = (
    ((ConsentNotFoundError,), Notice("missing", 404)),
    ((ConsentElsewhereError,), Notice("elsewhere", 403)),
    ((ConsentForeignError, DelegationMismatchError), Notice("foreign", 403)),
    ((ConsentStateError,), USED),
    ((DelegationExpiredError, TokenExpiredError), Notice("sign_in_again", 401)),
    ((CloudUnavailableError, ThrottledError, NoAnswerError, IssuerUnavailableError, StoreUnavailableError), UPSTREAM),
    ((CloudRefusedError,), REFUSED),
)


def notice_of(error: FujieError) -> Notice:
    """Return the page for an error; what no row names is our own fault and says so."""
    return next((notice for kinds, notice in _BY_ERROR if isinstance(error, kinds)), BROKEN)


def ending_of(consent: Consent) -> Notice:
    """Return the page that says how a consent has ended, or that its link has served."""
    if consent.status in OPEN_CONSENT and clock.now() >= consent.expires_at:
        return EXPIRED
    return OUTCOMES.get(consent.status, USED)
