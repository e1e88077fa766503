"""Whose bytes are whose: blobs that objects and parts share, in this process."""

import pytest

from fujie_emulator.oss import objects, state, uploads
from fujie_emulator.oss.errors import OssError
from tests.emulator.oss.storing import received, stored

BIG = 100 * 1024


@pytest.fixture
def bucket(cloud):
    state.create_bucket(cloud, "bkt")
    return cloud


def put(cloud, key, body):
    return stored(cloud, "bkt", key, body)


def append(cloud, key, position, body):
    return objects.append(cloud, "bkt", key, position, received(cloud, body), objects.Written())


def content(cloud, key):
    found = objects.get_object(cloud, "bkt", key)
    return b"".join(objects.blobs(cloud).read(found.pieces, 0, found.size))


def files(cloud):
    return [path for path in (cloud.store.directory / "objects").rglob("*") if path.is_file()]


def test_the_same_bytes_lie_once_and_go_with_their_last_holder(bucket):
    put(bucket, "a", b"same")
    put(bucket, "b", b"same")
    assert len(files(bucket)) == 1
    put(bucket, "a", b"other")
    assert (content(bucket, "b"), len(files(bucket))) == (b"same", 2)
    objects.delete_object(bucket, "bkt", "b")
    objects.delete_object(bucket, "bkt", "a")
    assert files(bucket) == []


def test_an_object_put_over_itself_keeps_its_bytes(bucket):
    put(bucket, "a", b"same")
    put(bucket, "a", b"same")
    assert content(bucket, "a") == b"same"


def test_a_copy_outlives_what_it_was_copied_from(bucket):
    source = put(bucket, "a", b"same")
    objects.put_object(bucket, objects.copy_of(bucket, source, "bkt", "b", source.written))
    objects.delete_object(bucket, "bkt", "a")
    assert content(bucket, "b") == b"same"


def test_appended_pieces_of_equal_bytes_are_counted_one_by_one(bucket):
    for position in (0, 2, 4):
        append(bucket, "log", position, b"ab")
    assert content(bucket, "log") == b"ababab"
    objects.delete_object(bucket, "bkt", "log")
    assert files(bucket) == []


@pytest.mark.parametrize(("start", "length"), [(0, 6), (1, 4), (2, 2), (3, 1), (5, 1), (2, 0)])
def test_any_part_of_a_pieced_object_can_be_read(bucket, start, length):
    for position, body in enumerate((b"ab", b"cd", b"ef")):
        append(bucket, "log", 2 * position, body)
    found = objects.get_object(bucket, "bkt", "log")
    assert b"".join(objects.blobs(bucket).read(found.pieces, start, length)) == b"abcdef"[start : start + length]


def begun(cloud, *bodies):
    upload = uploads.begin(cloud, "bkt", "big", objects.Written())
    for number, body in enumerate(bodies, 1):
        uploads.put_part(cloud, upload, number, received(cloud, body))
    return upload


def test_completing_keeps_the_chosen_parts_and_drops_the_rest(bucket):
    upload = begun(bucket, b"x" * BIG, b"unwanted", b"end")
    etags = {part.number: part.etag for part in uploads.parts_of(bucket, upload)}
    uploads.complete(bucket, upload, [(1, etags[1]), (3, f'"{etags[3].lower()}"')], forbid=False)
    assert content(bucket, "big") == b"x" * BIG + b"end"
    assert len(files(bucket)) == 2
    assert uploads.uploads_of(bucket, "bkt") == []


def test_completing_replaces_what_was_there_unless_forbidden(bucket):
    put(bucket, "big", b"old")
    upload = begun(bucket, b"new")
    with pytest.raises(OssError, match="FileAlreadyExists"):
        uploads.complete(bucket, upload, None, forbid=True)
    uploads.complete(bucket, upload, None, forbid=False)
    assert (content(bucket, "big"), len(files(bucket))) == (b"new", 1)


def test_parts_are_listed_in_ascending_order_and_once(bucket):
    upload = begun(bucket, b"x" * BIG, b"end")
    (first, last) = [(part.number, part.etag) for part in uploads.parts_of(bucket, upload)]
    for wanted in ([last, first], [first, first]):
        with pytest.raises(OssError, match="InvalidPartOrder"):
            uploads.complete(bucket, upload, wanted, forbid=False)


def test_a_part_sent_again_replaces_the_first(bucket):
    upload = begun(bucket, b"first")
    uploads.put_part(bucket, upload, 1, received(bucket, b"second"))
    assert len(files(bucket)) == 1
    uploads.complete(bucket, upload, None, forbid=False)
    assert content(bucket, "big") == b"second"


def test_aborting_leaves_nothing(bucket):
    uploads.abort(bucket, begun(bucket, b"a", b"b"))
    assert files(bucket) == []
    assert bucket.store.list("oss", "part") == bucket.store.list("oss", "blob") == []


def test_a_failed_transaction_removes_no_file(bucket):
    put(bucket, "a", b"kept")

    def fail():
        with objects.holding(bucket) as held:
            held.lose(objects.get_object(bucket, "bkt", "a").pieces)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert content(bucket, "a") == b"kept"


def test_what_a_killed_process_left_is_swept_away_and_nothing_else(bucket):
    put(bucket, "a", b"kept")
    received(bucket, b"half")
    folder = bucket.store.directory / "objects" / "ab"
    folder.mkdir(exist_ok=True)
    (folder / ("ab" + "0" * 62)).write_bytes(b"never counted")
    assert len(files(bucket)) == 3
    objects.sweep(bucket)
    assert [path.read_bytes() for path in files(bucket)] == [b"kept"]
