"""The return from the provider: everything is checked once more, then the consent is confirmed and the run woken."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from fujie.errors import FujieError
from fujie.identity.consent import Outcome
from fujie.identity.delegation import sha256_hex
from fujie.identity.errors import CloudUnavailableError, DelegationExpiredError
from fujie.identity.rows import Consent
from functions.callback.connecting import PartsOf, Visitor, outcome_page, refused, wake
from functions.callback.notices import (
    DENIED,
    DONE,
    MALFORMED,
    REFUSED,
    SIGNED_OUT,
    UNSURE,
    USED,
    ending_of,
    notice_of,
)
from functions.callback.pages import Notice, notice_page
from functions.callback.parts import Parts

COMPLETE_DEADLINE_S = 20.0
"""A person waits for this page; the function itself has 60 s."""
DENIALS = frozenset({"access_denied", "user_denied", "consent_required"})

log = logging.getLogger(__name__)
routes = APIRouter()
Opaque = Annotated[str, Query(max_length=4096)]


@routes.get("/callback")
async def provider_return(
    request: Request,
    session: Visitor,
    parts: PartsOf,
    session_uri: Opaque = "",
    state: Opaque = "",
    error: Annotated[str, Query(max_length=256)] = "",
) -> Response:
    """Finish what Allow began, in the browser session that pressed it."""
    if session is None:
        return notice_page(request, SIGNED_OUT)
    if not state or not session_uri:
        return notice_page(request, MALFORMED)
    try:
        consent = await parts.desk.take_return(session_uri=session_uri, state=state, session=session)
    except FujieError as fault:
        await _settle_left(parts)
        return await refused(request, parts, fault, await parts.store.consent_by_state(sha256_hex(state)))
    if error in DENIALS:
        return await _settled(request, parts, consent, "denied", DENIED)
    if error:
        return await _answerable_again(request, parts, consent, REFUSED)
    return await _confirmed(request, parts, consent)


async def _confirmed(request: Request, parts: Parts, consent: Consent) -> Response:
    try:
        async with asyncio.timeout(COMPLETE_DEADLINE_S):
            await parts.complete(consent)
    except (TimeoutError, CloudUnavailableError) as error:
        log.warning("nobody knows whether the consent was completed: %s", type(error).__name__)
        return await _settled(request, parts, consent, "completed", UNSURE)
    except DelegationExpiredError as error:
        # Nobody can complete it any more, so the run is not left waiting for its end: it says what is to be done.
        return await _settled(request, parts, consent, "cancelled", notice_of(error))
    except FujieError as error:
        # Each of these says that the cloud was not asked, or that it refused: nothing was completed.
        log.warning("consent was not completed: %s", error.code)
        return await _answerable_again(request, parts, consent, notice_of(error))
    except Exception:
        await parts.desk.settle(consent.id, "completed")
        await wake(parts, consent)
        raise
    page = await _settled(request, parts, consent, "completed", DONE)
    for other in await parts.desk.answer_alike(consent):
        await wake(parts, other)
    return page


async def _settle_left(parts: Parts) -> None:
    """Settle what others left: of them that died at it one may have begun this very completion."""
    for left in await parts.desk.expire_due():
        await wake(parts, left)


async def _settled(request: Request, parts: Parts, consent: Consent, outcome: Outcome, notice: Notice) -> Response:
    """Record the outcome and wake the run; what someone else settled meanwhile stands.

    Of a completion whose end nobody knows, the woken run hears the truth from the cloud: it gets the token, or asks
    the person anew. So the state is never used twice.
    """
    settled = await parts.desk.settle(consent.id, outcome)
    if settled is None:
        ended = await parts.store.consent(consent.id)
        return await outcome_page(request, parts, consent, ending_of(ended) if ended else USED)
    await wake(parts, consent)
    return await outcome_page(request, parts, consent, notice)


async def _answerable_again(request: Request, parts: Parts, consent: Consent, notice: Notice) -> Response:
    """Put the consent back to where Allow had left it: only the same browser, with the same state, comes further."""
    await parts.desk.reopen(consent)
    return await outcome_page(request, parts, consent, notice)
