"""The authorize endpoint: the page on which a person chooses who he is and what he allows."""

from starlette.requests import Request
from starlette.responses import Response

from fujie_emulator.core.account import DemoUser
from fujie_emulator.signin import grants, pages, requests, state
from fujie_emulator.signin.errors import OAuthError, RequestRefused
from fujie_emulator.signin.issuer import Issuer
from fujie_emulator.signin.requests import AuthorizeRequest
from fujie_emulator.signin.urls import with_query

LOGIN_COOKIE = "emulator_login"


def show(issuer: Issuer, request: Request) -> Response:
    """Answer a client's authorize request with a page, or with a redirect when no page is needed."""
    query = dict(request.query_params)
    app = requests.redirect_target(issuer, query)
    try:
        asked = requests.checked_request(app, request.query_params.multi_items())
        remembered = state.logged_in(issuer, request.cookies.get(LOGIN_COOKIE, ""))
        if asked.prompt == "none":
            return _silent(issuer, asked, remembered)
    except OAuthError as error:
        return pages.found(_error_location(issuer, query["redirect_uri"], query.get("state", ""), error))
    hinted = issuer.people.hinted(asked.login_hint)
    if hinted is not None and hinted == remembered and not asked.needs_consent:
        return pages.found(_code_location(issuer, asked, hinted))
    request_id = requests.hold(issuer, asked)
    if hinted is not None and asked.needs_consent:
        return _consent_page(issuer, request, asked, request_id, hinted)
    return _choose_page(issuer, request, asked, request_id)


def answer(issuer: Issuer, request: Request, form: dict[str, str]) -> Response:
    """Take the person's choice: an account, then for a third party also Allow or Deny."""
    if not pages.same_origin(request):
        raise RequestRefused("The form was sent from another site.")
    request_id, decision = form.get("request", ""), form.get("decision", "")
    asked = requests.held(issuer, request_id)
    user = issuer.named(form.get("user", ""))
    if user is None or decision == "switch":
        return _choose_page(issuer, request, asked, request_id)
    if decision == "deny":
        requests.settle(issuer, request_id)
        denied = OAuthError("access_denied", "The person did not allow it.")
        return pages.redirect(_error_location(issuer, asked.redirect_uri, asked.state, denied))
    if asked.needs_consent and decision != "allow":
        return _signed_in(issuer, request, _consent_page(issuer, request, asked, request_id, user), user)
    requests.settle(issuer, request_id)
    return _signed_in(issuer, request, pages.redirect(_code_location(issuer, asked, user)), user)


def _silent(issuer: Issuer, asked: AuthorizeRequest, remembered: DemoUser | None) -> Response:
    """Answer prompt=none: without a page there is a code only for someone signed in, and never a new consent."""
    if remembered is None:
        raise OAuthError("login_required", "Nobody is signed in.")
    if asked.needs_consent:
        raise OAuthError("consent_required", "The person has to be asked.")
    return pages.found(_code_location(issuer, asked, remembered))


def _choose_page(issuer: Issuer, request: Request, asked: AuthorizeRequest, request_id: str) -> Response:
    hinted = issuer.people.hinted(asked.login_hint)
    return pages.page(
        request,
        "choose.html",
        "choose_title",
        leads_to=asked.redirect_uri,
        action=request.url.path,
        request_id=request_id,
        app_name=_app_name(issuer, asked),
        users=[user.name for user in issuer.people.all()],
        hint=hinted.name if hinted else "",
    )


def _consent_page(
    issuer: Issuer, request: Request, asked: AuthorizeRequest, request_id: str, user: DemoUser
) -> Response:
    return pages.page(
        request,
        "consent.html",
        "consent_title",
        leads_to=asked.redirect_uri,
        action=request.url.path,
        request_id=request_id,
        app_name=_app_name(issuer, asked),
        user=user.name,
        scopes=asked.scopes,
    )


def _app_name(issuer: Issuer, asked: AuthorizeRequest) -> str:
    app = issuer.clients.find(asked.client_id)
    if app is None:
        raise RequestRefused("The application was deleted.")
    return app.display_name


def _signed_in(issuer: Issuer, request: Request, response: Response, user: DemoUser) -> Response:
    """Let the browser remember who signed in. Not Secure: the emulated cloud speaks http on loopback."""
    response.set_cookie(
        LOGIN_COOKIE,
        state.begin_login(issuer, user),
        max_age=state.LOGIN_S,
        path=request.url.path.rpartition("/")[0],
        httponly=True,
        samesite="lax",
    )
    return response


def _code_location(issuer: Issuer, asked: AuthorizeRequest, user: DemoUser) -> str:
    query = {"code": grants.issue_code(issuer, asked, user.user_id), "iss": issuer.url}
    return with_query(asked.redirect_uri, query | ({"state": asked.state} if asked.state else {}))


def _error_location(issuer: Issuer, redirect_uri: str, client_state: str, error: OAuthError) -> str:
    query = {"error": error.error, "error_description": error.description, "iss": issuer.url}
    return with_query(redirect_uri, query | ({"state": client_state} if client_state else {}))
