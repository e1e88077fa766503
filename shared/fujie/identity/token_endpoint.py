"""Questions to the issuer's token endpoint: a code redeemed, a refresh token used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fujie.http import Answer, NoAnswerError, fetch
from fujie.identity.errors import IssuerUnavailableError, SignInError
from fujie.secret import Secret

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES = 64 * 1024
DEADLINE_S = 10.0


@dataclass(frozen=True)
class IssuedTokens:
    """What the token endpoint gave; nothing in it is verified yet."""

    unverified_id_token: Secret
    refresh_token: Secret | None


async def ask_tokens(
    http: "httpx2.AsyncClient", token_endpoint: str, form: Mapping[str, str], client_secret: Secret | None
) -> IssuedTokens:
    """Return the tokens for a grant; raises SignInError when it is refused, IssuerUnavailableError otherwise."""
    parameters = dict(form) | ({"client_secret": client_secret.reveal()} if client_secret else {})
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    try:
        answer = await fetch(
            http,
            "POST",
            token_endpoint,
            headers=headers | {"accept-encoding": "identity"},
            content=urlencode(parameters).encode(),
            max_bytes=MAX_ANSWER_BYTES,
            deadline_s=DEADLINE_S,
        )
    except NoAnswerError as error:
        raise IssuerUnavailableError(f"the issuer's token endpoint: {error.message}") from error
    return tokens_from_answer(answer)


def tokens_from_answer(answer: Answer) -> IssuedTokens:
    """Return the tokens of RFC 6749's answer (sections 5.1, 5.2), whose words are not repeated in errors."""
    if answer.status >= 500 or answer.status == 429:
        raise IssuerUnavailableError(f"the issuer's token endpoint answered {answer.status}")
    try:
        data = json.loads(answer.body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise IssuerUnavailableError("the issuer's token endpoint did not answer in JSON") from None
    id_token, refresh_token = data.get("id_token"), data.get("refresh_token")
    if answer.status != 200 or not isinstance(id_token, str):
        raise SignInError("the issuer refused the grant, or gave no id_token", repair="sign in again")
    return IssuedTokens(Secret(id_token), Secret(refresh_token) if isinstance(refresh_token, str) else None)
