import pytest

from fujie_emulator.ram.conditions import ConditionError, conditions_from_document


def holds(block, context):
    return all(condition.holds(context) for condition in conditions_from_document(block))


@pytest.mark.parametrize(
    ("operator", "values", "present", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "Alice", "aLICE", True),
        ("StringNotEqualsIgnoreCase", "Alice", "aLICE", False),
        ("StringLike", "acs:*:role/?x", "acs:ram::1:role/ax", True),
        ("StringLike", "acs:*", "xacs:", False),
        ("StringNotLike", "acs:*", "acs:x", False),
        ("NumericEquals", 3, "3.0", True),
        ("NumericNotEquals", "3", "4", True),
        ("NumericLessThan", "3", "3", False),
        ("NumericLessThanEquals", "3", "3", True),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericEquals", "3", "three", False),
        ("NumericNotEquals", "3", "three", True),
        ("DateEquals", "2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", True),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "True", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", ["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "::1", False),
        ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("IpAddressIncludeBorder", "10.0.0.0/8", "10.255.255.255", True),
        ("IpAddressIncludeBorder", "10.0.0.0/8", "11.0.0.0", False),
        ("NotIpAddressIncludeBorder", "10.0.0.0/8", "10.0.0.0", False),
        ("NotIpAddressIncludeBorder", "10.0.0.0/8", "9.255.255.255", True),
    ],
)
def test_each_operator_compares_in_its_way(operator, values, present, expected):
    assert holds({operator: {"k": values}}, {"k": present}) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "a", False),
        ("StringNotEquals", "a", True),
        ("NotIpAddress", "10.0.0.0/8", True),
        ("Bool", "false", False),
    ],
)
def test_a_key_that_the_request_lacks_fails_an_operator_and_fulfils_its_negation(operator, value, expected):
    assert holds({operator: {"k": value}}, {}) is expected


def test_all_operators_and_all_keys_must_hold():
    block = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    assert holds(block, {"a": "1", "b": "2", "c": "true"})
    for missing in "abc":
        assert not holds(
            block, {key: value for key, value in zip("abc", ("1", "2", "true"), strict=True) if key != missing}
        )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ([], "object"),
        ({"StringIs": {"k": "v"}}, "StringIs is not known"),
        ({"StringEquals": {}}, "must hold condition keys"),
        ({"StringEquals": "k"}, "must hold condition keys"),
        ({"StringEquals": {"k": []}}, "text, numbers or booleans"),
        ({"StringEquals": {"k": {"v": 1}}}, "text, numbers or booleans"),
        ({"NumericEquals": {"k": "three"}}, "'three'"),
        ({"NumericLessThan": {"k": "nan"}}, "'nan'"),
        ({"DateLessThan": {"k": "tomorrow"}}, "'tomorrow'"),
        ({"IpAddress": {"k": "10.0.0.0/99"}}, "10.0.0.0/99"),
        ({"IpAddressIncludeBorder": {"k": "0"}}, "'0'"),
        ({"Bool": {"k": "yes"}}, "'yes'"),
    ],
)
def test_a_malformed_block_is_refused_with_the_reason(block, words):
    with pytest.raises(ConditionError, match=words):
        conditions_from_document(block)
