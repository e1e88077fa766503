"""Secrets have a type, so that no log line, traceback or event shows one by accident."""

from typing import Any, NoReturn


class Secret:
    """A string that shows itself only to `reveal()`; `repr`, `str` and formatting give a mask, pickling is refused."""

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the value, at the one place where it goes onto the wire."""
        return self._value

    def fingerprint(self) -> str:
        """Return twelve hex digits of its SHA-256, enough to compare two uses and useless to anyone else."""
        import hashlib

        return hashlib.sha256(self._value.encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied: pass it on, or reveal it where it is used")
