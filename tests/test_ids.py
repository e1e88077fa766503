"""Ids."""

import os
import threading
import uuid

from fujie.ids import new_uuid


def test_an_id_is_a_uuid_of_version_4_and_none_is_like_another():
    made = [new_uuid() for _ in range(1000)]
    assert len(set(made)) == 1000
    forms = {(uuid.UUID(one).version, uuid.UUID(one).variant, str(uuid.UUID(one)) == one) for one in made}
    assert forms == {(4, uuid.RFC_4122, True)}


def test_a_forked_child_makes_ids_of_its_own():
    new_uuid()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_uuid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 64).decode()
    os.close(reading)
    os.close(writing)
    assert theirs not in {new_uuid() for _ in range(300)}


def test_threads_never_make_the_same():
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(new_uuid() for _ in range(2000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == 16_000
