"""The keys that the stack makes for itself: signing, sealing, the ledger, and where it may, its providers' secrets."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.providers.generated import GeneratedKey
from infra.stack_secrets import MINTERS, StackSecrets, secrets_from_texts


@dataclass(frozen=True)
class KeysArgs:
    """Which generation of keys, and for which providers a secret is to be made."""

    generation: int
    providers: Sequence[str] = ()


class Keys(Part):
    """The keys; `secrets` is them all, a secret output."""

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        pairs = {f"signing/{minter}": self._key(f"signing-{minter}", "signing", args) for minter in MINTERS}
        pairs["sealing"] = self._key("sealing", "sealing", args)
        pairs["card"] = self._key("card", "signing", args)
        ledger = self._key("ledger", "random", KeysArgs(1))  # another would make what is sealed unverifiable
        self.provider_secrets: dict[str, Output[str]] = {
            provider: self._key(f"provider-{provider}", "random", KeysArgs(1)).private for provider in args.providers
        }
        texts = {name: {"private": pair.private, "public": pair.public} for name, pair in pairs.items()}
        self.secrets: Output[StackSecrets] = Output.secret(
            Output.all(**texts, ledger=ledger.private).apply(secrets_from_texts)
        )
        self.register_outputs({})

    def _key(self, name: str, purpose: str, args: KeysArgs) -> GeneratedKey:
        return GeneratedKey(name, purpose, args.generation, self.inside())
