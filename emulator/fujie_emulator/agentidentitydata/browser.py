"""The data plane's two pages for browsers: the authorization URL, and where providers send people back."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fujie_emulator.agentidentitydata import state
from fujie_emulator.agentidentitydata.sessions import Session
from fujie_emulator.agentidentitydata.wat import SERVICE
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import note
from fujie_emulator.signin.pages import found, message, words_of

# RFC 6749 4.1.2.1 and OIDC; anything else a provider says is passed on as server_error.
_ERRORS = frozenset(
    [
        "access_denied",
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
    ]
)
_LONGEST_CODE = 4096


def http_routes(cloud: Cloud) -> list[Route]:
    """Return the browser's routes; only GET spends a link, HEAD and link checkers do not."""

    async def authorize(request: Request) -> Response:
        note(service=SERVICE, action="AuthorizeInBrowser")
        await cloud.faults.apply(SERVICE, "AuthorizeInBrowser")
        if request.method != "GET":
            return Response(status_code=405, headers={"allow": "GET"})
        try:
            return found(await state.provider_redirect(cloud, request.query_params.get("request_uri", "")))
        except CloudError as error:
            return _problem(request, error)

    async def callback(request: Request) -> Response:
        note(service=SERVICE, action="ReturnInBrowser")
        await cloud.faults.apply(SERVICE, "ReturnInBrowser")
        if request.method != "GET":
            return Response(status_code=405, headers={"allow": "GET"})
        try:
            return await _returned(cloud, request)
        except CloudError as error:
            return _problem(request, error)

    return [Route("/oauth2/authorize", authorize), Route("/oauth2/callback/{callback_id}", callback)]


async def _returned(cloud: Cloud, request: Request) -> Response:
    query = request.query_params
    error, code = _error(query.get("error", "")), query.get("code", "")[:_LONGEST_CODE]
    if not error and not code:
        error = "server_error"
    provider = state.provider_of_callback(cloud, request.path_params["callback_id"])
    session = await state.returned(
        cloud, provider, state=query.get("state", ""), code="" if error else code, issuer=query.get("iss", "")
    )
    if session.return_url:
        return found(state.return_location(session, error))
    return _end(request, session)


def _error(given: str) -> str:
    return given if given in _ERRORS else "server_error" if given else ""


def _end(request: Request, session: Session) -> Response:
    words = words_of(request)
    if session.status == "completed":
        return message(request, "done_title", words.done_text)
    return message(request, "denied_title", words.denied_text)


def _problem(request: Request, error: CloudError) -> Response:
    note(code=error.code)
    words = words_of(request)
    if error.status >= 500 or error.code == "InvalidOAuthDiscoveryURL":
        return message(request, "provider_title", words.provider_text, status=502)
    return message(request, "link_title", words.link_text, status=400)
