import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.packages.archive import write_zip

names = st.text("abcdefgh", min_size=1, max_size=8)


@given(files=st.dictionaries(names, st.binary(max_size=200), max_size=8), seed=st.randoms())
def test_the_order_of_files_does_not_change_the_zip(files, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zips")
    shuffled = list(files.items())
    seed.shuffle(shuffled)
    assert write_zip(files, folder / "a.zip") == write_zip(dict(shuffled), folder / "b.zip")
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()


def test_a_files_age_and_owners_rights_do_not_change_the_zip(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("pass\n")
    other.write_text("pass\n")
    other.chmod(0o755)
    os.utime(other, (0, 0))
    assert write_zip({"a.py": one}, tmp_path / "a.zip") == write_zip({"a.py": other}, tmp_path / "b.zip")


def test_one_other_byte_is_another_hash(tmp_path):
    assert write_zip({"a": b"1"}, tmp_path / "a.zip") != write_zip({"a": b"2"}, tmp_path / "b.zip")


def test_everybody_may_read_what_is_unpacked(tmp_path):
    write_zip({"a/b.py": b""}, tmp_path / "a.zip")
    entry = zipfile.ZipFile(tmp_path / "a.zip").getinfo("a/b.py")
    assert entry.external_attr >> 16 == 0o100644


def test_what_a_zip_held_before_stays_as_it_was_in_front_of_the_rest(tmp_path):
    write_zip({"b/lib.py": b"pass\n"}, tmp_path / "libraries.zip")
    write_zip({"a.py": b"import b.lib\n"}, tmp_path / "one.zip", tmp_path / "libraries.zip")
    write_zip({"a.py": b"import b.lib\n"}, tmp_path / "other.zip", tmp_path / "libraries.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["b/lib.py", "a.py"]
    assert zipfile.ZipFile(tmp_path / "one.zip").read("b/lib.py") == b"pass\n"


def test_no_name_is_in_a_zip_twice(tmp_path):
    write_zip({"a.py": b"1"}, tmp_path / "libraries.zip")
    with pytest.raises(ValueError, match=r"a\.py twice"):
        write_zip({"a.py": b"2"}, tmp_path / "one.zip", tmp_path / "libraries.zip")
