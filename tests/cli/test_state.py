import json

import pytest

from fujie.cli.errors import StateError
from fujie.cli.state import state_directory


def test_a_new_directory_is_made_and_marked(tmp_path):
    with state_directory(tmp_path / "state", reset=False) as state:
        assert json.loads((state / "fujie-state.json").read_text()) == {"format": 1}
        assert state.stat().st_mode & 0o077 == 0


def test_what_it_holds_survives_until_reset(tmp_path):
    with state_directory(tmp_path / "state", reset=False) as state:
        (state / "kept.txt").write_text("kept")
    with state_directory(tmp_path / "state", reset=False) as state:
        assert (state / "kept.txt").exists()
    with state_directory(tmp_path / "state", reset=True) as state:
        assert not (state / "kept.txt").exists()


def test_a_second_user_is_refused(tmp_path):
    with (
        state_directory(tmp_path / "state", reset=False),
        pytest.raises(StateError, match="in use by another"),
        state_directory(tmp_path / "state", reset=True),
    ):
        pass


def test_a_directory_with_foreign_files_is_refused_even_for_reset(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StateError, match="not ours"), state_directory(tmp_path, reset=True):
        pass
    assert (tmp_path / "thesis.txt").exists()


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="not a directory"), state_directory(tmp_path / "state", reset=False):
        pass


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"format": 99}'])
def test_a_damaged_or_foreign_mark_asks_for_a_reset(tmp_path, mark):
    (tmp_path / "fujie-state.json").write_text(mark)
    with pytest.raises(StateError) as refused, state_directory(tmp_path, reset=False):
        pass
    assert "--reset" in refused.value.repair
    with state_directory(tmp_path, reset=True):
        pass


def test_reset_does_not_follow_links_out_of_the_directory(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    with state_directory(tmp_path / "state", reset=False) as state:
        (state / "link").symlink_to(outside)
    with state_directory(tmp_path / "state", reset=True):
        pass
    assert (outside / "kept.txt").exists()
