"""The connect page: whose link it is, what it asks, and the answer, before any provider is reached."""

import hmac
import logging
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from fujie.errors import FujieError
from fujie.http import is_safe_url
from fujie.identity.consent import words_from_consent
from fujie.identity.errors import ConsentStateError
from fujie.identity.rows import BrowserSession, Consent
from fujie.secret import Secret
from functions.callback.asked import shown
from functions.callback.notices import DENIED, FORGED, MALFORMED, REFUSED, ending_of, notice_of
from functions.callback.pages import Notice, connect_page, language_for, notice_page
from functions.callback.parts import Parts

log = logging.getLogger(__name__)
routes = APIRouter()
ConsentId = Annotated[str, Path(max_length=256, pattern=r"^[\x21-\x7e]+$")]


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]


async def session_of(request: Request, parts: PartsOf) -> BrowserSession | None:
    cookie = request.cookies.get(parts.session_cookie)
    return await parts.sign_in.session(Secret(cookie) if cookie else None)


Visitor = Annotated[BrowserSession | None, Depends(session_of)]


@routes.get("/connect/{consent_id}")
async def look(consent_id: ConsentId, request: Request, session: Visitor, parts: PartsOf) -> Response:
    """Ask; looking changes nothing."""
    if session is None:
        return _to_login(consent_id)
    try:
        consent = await parts.desk.look(consent_id, session)
    except FujieError as error:
        return await refused(request, parts, error, await parts.store.consent(consent_id))
    asked = shown(consent, session, parts.settings.agent_about, language_for(request))
    return connect_page(request, asked, consent.authorization_url)


@routes.post("/connect/{consent_id}")
async def answer(
    consent_id: ConsentId,
    request: Request,
    session: Visitor,
    parts: PartsOf,
    csrf_token: Annotated[str, Form(max_length=256)] = "",
    answer: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Take the answer of the person whose page it was."""
    if session is None:
        return _to_login(consent_id)
    if _foreign_site(request) or not hmac.compare_digest(csrf_token.encode(), session.csrf_token.encode()):
        return notice_page(request, FORGED)
    try:
        if answer == "allow":
            return await _allow(request, parts, consent_id, session)
        if answer == "deny":
            return await _deny(request, parts, consent_id, session)
    except FujieError as error:
        return await refused(request, parts, error, await parts.store.consent(consent_id))
    return notice_page(request, MALFORMED)


async def _allow(request: Request, parts: Parts, consent_id: str, session: BrowserSession) -> Response:
    """Bind this browser session, then send it on to the cloud."""
    url = await parts.desk.allow(consent_id, session)
    if not is_safe_url(url):
        log.error("consent leads to an address that is not safe for a browser to follow")
        return notice_page(request, REFUSED)
    return RedirectResponse(url, 303)


async def _deny(request: Request, parts: Parts, consent_id: str, session: BrowserSession) -> Response:
    consent = await parts.desk.deny(consent_id, session)
    await wake(parts, consent)
    return await outcome_page(request, parts, consent, DENIED)


async def wake(parts: Parts, consent: Consent) -> None:
    """Wake the run. A wake-up that fails is repeated by whoever watches the run, so the answer stands."""
    try:
        await parts.waker.wake(consent.run_id, consent.delegation_id)
    except FujieError as error:
        log.warning("run %s was not woken: %s", consent.run_id, error.code)


async def outcome_page(request: Request, parts: Parts, consent: Consent, notice: Notice) -> Response:
    """Return a notice to the consent's owner, with the way back to the conversation."""
    run = await parts.store.run(consent.run_id)
    provider = words_from_consent(consent).provider_name
    return notice_page(request, notice, provider=provider, conversation_id=run.conversation_id if run else "")


async def refused(request: Request, parts: Parts, error: FujieError, consent: Consent | None) -> Response:
    """Return the page for an error; the owner of a consent that is over also learns how it ended.

    Used again, it is a refusal also where it ended well.
    """
    if isinstance(error, ConsentStateError) and consent is not None:
        ending = ending_of(consent)
        return await outcome_page(request, parts, consent, replace(ending, status=max(ending.status, error.status)))
    notice = notice_of(error)
    log.log(logging.ERROR if notice.status >= 500 else logging.INFO, "consent refused: %s", error.code)
    return notice_page(request, notice)


def _to_login(consent_id: str) -> Response:
    return RedirectResponse(f"/auth/login?return_to={quote(f'/connect/{quote(consent_id)}', safe='')}", 302)


def _foreign_site(request: Request) -> bool:
    """Say whether another site made the browser send this. `Origin` is `null` here by our own referrer policy."""
    return request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
