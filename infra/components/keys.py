"""The keys that the stack makes for itself: signing, sealing, the ledger, and where it may, its providers' secrets."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.providers.generated import GeneratedKey
from infra.stack_secrets import MINTERS, StackSecrets, joined, joined_key, secrets_from_texts


@dataclass(frozen=True)
class KeysArgs:
    """Which generation of keys, and for which providers a secret is to be made."""

    generation: int
    providers: Sequence[str] = ()


class Keys(Part):
    """The keys; `secrets` is them all, a secret output."""

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        generation = args.generation
        pairs = {f"signing/{minter}": self._pair(f"signing-{minter}", "signing", generation) for minter in MINTERS}
        pairs["sealing"] = self._pair("sealing", "sealing", generation)
        pairs["card"] = self._pair("card", "signing", generation)
        cache = self._single("shared-cache", "wrapping", generation)
        ledger = self._key("ledger", "random")  # another would make what is sealed unverifiable
        self.provider_secrets: dict[str, Output[str]] = {
            provider: self._key(f"provider-{provider}", "random").private for provider in args.providers
        }
        self.secrets: Output[StackSecrets] = Output.secret(
            Output.all(**pairs, ledger=ledger.private, **{"shared-cache": cache}).apply(secrets_from_texts)
        )
        self.register_outputs({})

    def _pair(self, name: str, purpose: str, generation: int) -> Output[dict[str, str]]:
        """Return the pair of a generation, with the one before behind it: that one still opens and verifies."""
        newest = _halves(self._key(name, purpose, generation))
        if generation == 1:
            return newest
        older = _halves(self._key(name, purpose, generation - 1))
        return Output.all(newest, older).apply(lambda both: joined(*both))

    def _single(self, name: str, purpose: str, generation: int) -> Output[str]:
        """Return a key that has no halves, with the one before behind it."""
        newest = self._key(name, purpose, generation).private
        if generation == 1:
            return newest
        older = self._key(name, purpose, generation - 1).private
        return Output.all(newest, older).apply(lambda both: joined_key(*both))

    def _key(self, name: str, purpose: str, generation: int = 1) -> GeneratedKey:
        """Return the key of a generation: a resource of its own, so that the next one does not replace it."""
        named = name if generation == 1 else f"{name}-{generation}"
        return GeneratedKey(named, purpose, generation, self.inside())


def _halves(key: GeneratedKey) -> Output[dict[str, str]]:
    halves: Output[dict[str, str]] = Output.all(private=key.private, public=key.public)
    return halves
