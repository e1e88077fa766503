"""Ids."""

import uuid

from fujie.ids import new_uuid


def test_an_id_is_a_uuid_of_version_4_and_none_is_like_another():
    made = [new_uuid() for _ in range(100)]
    assert len(set(made)) == 100
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant, str(uuid.UUID(one)) == one) for one in made} == {
        (4, uuid.RFC_4122, True)
    }
