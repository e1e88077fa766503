from dataclasses import fields, replace
from datetime import timedelta

import pytest

from fujie.identity.credential_key import MARGIN, CacheKey, beyond_margin

KEY = CacheKey("t", "u", "wi", "p", ("s",), "oauth", "policy", 1)


@pytest.mark.parametrize(("lasting_s", "beyond_s"), [(0, 0), (59, 0), (60, 0), (61, 1), (300, 240)])
def test_only_what_a_call_takes_longer_than_the_margin_counts(lasting_s, beyond_s):
    assert timedelta(seconds=60) == MARGIN
    assert beyond_margin(timedelta(seconds=lasting_s)) == timedelta(seconds=beyond_s)


@pytest.mark.parametrize("name", [field.name for field in fields(CacheKey)])
def test_whoever_differs_in_one_thing_is_somebody_else(name):
    other = {"scopes": ("s", "t"), "kind": "api_key", "generation": 2}.get(name, "other")
    assert replace(KEY, **{name: other}) != KEY
