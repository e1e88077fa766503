"""Decorators that hand a credential to a function, in the shape that users of the cloud's own SDK know.

They run in the agent developer's process: there the function holds the credential, and whatever it logs or returns may
hold it too. `fujie.identity.carrying` has clients that carry a credential without giving it away; tools of the product
run in a function of their own.

The parameter that takes the credential is gone from the decorated function's signature, so that no model is told of it.
"""

import functools
import inspect
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from fujie.identity.agent_identity import AgentIdentity, Need, OAuthWish, check_sts, default_identity
from fujie.identity.errors import IdentityMisconfiguredError
from fujie.permission import OAuthFlow
from fujie.secret import Secret

T = TypeVar("T")
Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


def requires_api_key(*, provider_name: str, into: str = "api_key", identity: AgentIdentity | None = None) -> Decorator:
    """Call the function with the provider's API key in its parameter `into`."""
    return _injecting(into, lambda made: made.api_key(provider_name), Secret.reveal, identity)


def requires_access_token(
    *,
    provider_name: str,
    scopes: Sequence[str] = (),
    auth_flow: OAuthFlow = "USER_FEDERATION",
    into: str = "access_token",
    callback_url: str = "",
    force_authentication: bool = False,
    audience: str = "",
    custom_parameters: Mapping[str, str] | None = None,
    lasting: timedelta = timedelta(0),
    identity: AgentIdentity | None = None,
) -> Decorator:
    """Call the function with an OAuth access token: the user's (USER_FEDERATION, ON_BEHALF_OF) or the workload's (M2M).

    The call raises OwnAuthorizationRequired when the user has to open a link first; after that, call again.
    `force_authentication` asks the user although the vault has a token. A token that ends within `lasting`, the time
    the function takes, is renewed before.
    """
    if auth_flow not in {"USER_FEDERATION", "M2M", "ON_BEHALF_OF"}:
        raise IdentityMisconfiguredError("auth_flow is USER_FEDERATION, M2M or ON_BEHALF_OF")
    if isinstance(scopes, str):
        raise IdentityMisconfiguredError("scopes is a list of names")
    if auth_flow == "ON_BEHALF_OF" and not (audience and scopes):
        raise IdentityMisconfiguredError("ON_BEHALF_OF needs an audience and scopes")
    wish = OAuthWish(
        provider_name,
        tuple(scopes),
        auth_flow,
        callback_url,
        force_authentication,
        audience,
        dict(custom_parameters or {}),
        lasting,
    )
    return _injecting(into, lambda made: made.access_token(wish), Secret.reveal, identity)


def requires_sts_token(
    *,
    into: str = "sts_credential",
    session_duration: int = 3600,
    policy: str | Mapping[str, Any] | None = None,
    identity: AgentIdentity | None = None,
) -> Decorator:
    """Call the function with temporary credentials (StsToken) of the workload identity's role, narrowed by `policy`."""
    narrowed = _policy(policy)
    check_sts(session_duration, narrowed)
    return _injecting(into, lambda made: made.sts(session_duration, narrowed), _as_it_is, identity)


def requires_workload_access_token(
    *, into: str = "workload_access_token", identity: AgentIdentity | None = None
) -> Decorator:
    """Call the function with a workload access token of whom the context names."""
    return _injecting(into, AgentIdentity.workload_token, Secret.reveal, identity)


def _policy(policy: str | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError as error:
        raise IdentityMisconfiguredError("the session policy is not JSON") from error
    if document is not None and not isinstance(document, Mapping):
        raise IdentityMisconfiguredError("the session policy is not a JSON object")
    return document


def _injecting(
    into: str, need: Callable[[AgentIdentity], Need[T]], shape: Callable[[T], Any], identity: AgentIdentity | None
) -> Decorator:
    def made() -> AgentIdentity:
        return identity if identity is not None else default_identity()

    def decorate(function: Function) -> Function:
        signature = _without(into, function)

        async def obtained() -> Any:
            return shape(await made().get(need(made())))

        wrapper = _wrapper(into, function, obtained, lambda: shape(made().get_blocking(need(made()))))
        functools.update_wrapper(wrapper, function)
        wrapper.__annotations__ = {
            name: kind for name, kind in getattr(function, "__annotations__", {}).items() if name != into
        }
        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _wrapper(
    into: str, function: Function, obtained: Callable[[], Any], obtained_blocking: Callable[[], Any]
) -> Function:
    if _is(inspect.iscoroutinefunction, function):

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **(kwargs | {into: await obtained()}))

        return call
    if _is(inspect.isasyncgenfunction, function):

        async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for item in function(*args, **(kwargs | {into: await obtained()})):
                yield item

        return stream

    def call_blocking(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **(kwargs | {into: obtained_blocking()}))

    return call_blocking


def _is(kind: Callable[[Any], bool], function: Function) -> bool:
    """Say whether a function, a partial of one or an object that is called like one is of this kind."""
    while isinstance(function, functools.partial):
        function = function.func
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004  its kind is asked, not its presence


def _without(into: str, function: Function) -> inspect.Signature:
    signature = inspect.signature(function)
    parameters = signature.parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    named = parameters.get(into)
    if (named is None and not takes_any) or (named is not None and named.kind is named.POSITIONAL_ONLY):
        name = getattr(function, "__name__", type(function).__name__)
        raise IdentityMisconfiguredError(f"{name} has no parameter {into} that a credential could go into")
    return signature.replace(parameters=[kept for name, kept in parameters.items() if name != into])


def _as_it_is(value: T) -> T:
    return value
