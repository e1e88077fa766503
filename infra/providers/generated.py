"""Keys that the stack makes for itself, as Pulumi resources: they live in its encrypted state and nowhere else."""

import secrets
from typing import Any

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, Resource, ResourceProvider

from fujie.identity.keys import new_sealing_key, new_signing_key, new_wrapping_key

PURPOSES = ("signing", "sealing", "wrapping", "random")
_RANDOM_BYTES = 32


class GeneratedKeyProvider(ResourceProvider):
    """Makes a key once for each generation."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        wrong = news["purpose"] not in PURPOSES
        return CheckResult(news, [CheckFailure("purpose", f"one of {', '.join(PURPOSES)} is right")] if wrong else [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [name for name in ("purpose", "generation") if _olds.get(name) != _news.get(name)]
        return DiffResult(bool(replaces), replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        private, public = _made(props["purpose"])
        wanted = {"purpose": props["purpose"], "generation": props["generation"]}
        return CreateResult(
            f"{props['purpose']}-{secrets.token_hex(8)}", {**wanted, "private": private, "public": public}
        )


class GeneratedKey(Resource, module="fujie", name="GeneratedKey"):
    """A key pair (JWK, EC P-256) for signing or sealing; a JWK for wrapping or a random text, without a `public`."""

    private: Output[str]
    public: Output[str]

    def __init__(self, name: str, purpose: str, generation: Input[int], opts: ResourceOptions | None = None) -> None:
        props = {"purpose": purpose, "generation": generation, "private": None, "public": None}
        hidden = ResourceOptions(additional_secret_outputs=["private"])
        super().__init__(GeneratedKeyProvider(), name, props, ResourceOptions.merge(opts, hidden))


def _made(purpose: str) -> tuple[str, str]:
    if purpose == "random":
        return secrets.token_urlsafe(_RANDOM_BYTES), ""
    if purpose == "wrapping":
        return new_wrapping_key().reveal(), ""
    private, public = new_signing_key() if purpose == "signing" else new_sealing_key()
    return private.reveal(), public
