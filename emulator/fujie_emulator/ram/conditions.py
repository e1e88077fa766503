"""Condition blocks of RAM policies: operators over the context of one request.

All operators and all their keys must hold; of several values one must fit (for a negated operator: none).
A key that the request lacks fails an operator and fulfils its negation. The operators are those of RAM's public list.
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fujie_emulator.ram.wildcards import fits

Test = Callable[[str, str], bool]


class ConditionError(ValueError):
    """A condition block is malformed; the message says where."""


@dataclass(frozen=True)
class Condition:
    """One operator over one key: `values` are checked already, so only the request's value may be odd."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        """Tell whether the request's context fulfils this condition."""
        test, negated = _OPERATORS[self.operator]
        present = context.get(self.key)
        matched = present is not None and any(_applies(test, present, value) for value in self.values)
        return matched != negated


def conditions_from_document(block: Any) -> tuple[Condition, ...]:
    """Check a `Condition` object and return its parts; raise ConditionError."""
    if not isinstance(block, dict):
        raise ConditionError("Condition must be an object.")
    return tuple(
        _condition(operator, key, values)
        for operator, keys in block.items()
        for key, values in _keys(operator, keys).items()
    )


def _keys(operator: str, keys: Any) -> dict[str, Any]:
    if operator not in _OPERATORS:
        raise ConditionError(f"The condition operator {operator} is not known.")
    if not isinstance(keys, dict) or not keys:
        raise ConditionError(f"The condition operator {operator} must hold condition keys.")
    return keys


def _condition(operator: str, key: str, values: Any) -> Condition:
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(value, (str, bool, int, float)) for value in listed):
        raise ConditionError(f"The values of {operator} {key} must be text, numbers or booleans.")
    texts = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)
    test, _ = _OPERATORS[operator]
    for text in texts:
        try:
            test(_SAMPLES[test], text)
        except ValueError as error:
            raise ConditionError(f"The value {text!r} of {operator} {key} cannot be compared.") from error
    return Condition(operator, key, texts)


def _applies(test: Test, present: str, value: str) -> bool:
    try:
        return test(present, value)
    except ValueError:  # the request's value is not a number, date or address: it fits none
        return False


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _equals(present: str, value: str) -> bool:
    return present == value


def _equals_ignoring_case(present: str, value: str) -> bool:
    return present.casefold() == value.casefold()


def _like(present: str, value: str) -> bool:
    return fits(value, present)


def _bool(present: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)
    return present.lower() == value.lower()


def _in_network(present: str, value: str) -> bool:
    return ipaddress.ip_address(present) in ipaddress.ip_network(value, strict=False)


def _number_equals(present: str, value: str) -> bool:
    return _number(present) == _number(value)


def _number_less(present: str, value: str) -> bool:
    return _number(present) < _number(value)


def _number_at_most(present: str, value: str) -> bool:
    return _number(present) <= _number(value)


def _number_greater(present: str, value: str) -> bool:
    return _number(present) > _number(value)


def _number_at_least(present: str, value: str) -> bool:
    return _number(present) >= _number(value)


def _date_equals(present: str, value: str) -> bool:
    return _moment(present) == _moment(value)


def _date_less(present: str, value: str) -> bool:
    return _moment(present) < _moment(value)


def _date_at_most(present: str, value: str) -> bool:
    return _moment(present) <= _moment(value)


def _date_greater(present: str, value: str) -> bool:
    return _moment(present) > _moment(value)


def _date_at_least(present: str, value: str) -> bool:
    return _moment(present) >= _moment(value)


# operator -> (test of the request's value against the policy's, negated)
_OPERATORS: dict[str, tuple[Test, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "NumericEquals": (_number_equals, False),
    "NumericNotEquals": (_number_equals, True),
    "NumericLessThan": (_number_less, False),
    "NumericLessThanEquals": (_number_at_most, False),
    "NumericGreaterThan": (_number_greater, False),
    "NumericGreaterThanEquals": (_number_at_least, False),
    "DateEquals": (_date_equals, False),
    "DateNotEquals": (_date_equals, True),
    "DateLessThan": (_date_less, False),
    "DateLessThanEquals": (_date_at_most, False),
    "DateGreaterThan": (_date_greater, False),
    "DateGreaterThanEquals": (_date_at_least, False),
    "Bool": (_bool, False),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    # No source says what the border changes; both pairs take a network's first and last address as part of it.
    "IpAddressIncludeBorder": (_in_network, False),
    "NotIpAddressIncludeBorder": (_in_network, True),
}


def _sample(operator: str) -> str:
    """Return a request value the operator can read, to try a policy's value with."""
    if operator.startswith("Date"):
        return "2026-01-01T00:00:00Z"
    return "127.0.0.1" if "IpAddress" in operator else "0"


_SAMPLES: dict[Test, str] = {test: _sample(operator) for operator, (test, _) in _OPERATORS.items()}
