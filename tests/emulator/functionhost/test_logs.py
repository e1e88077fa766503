"""Function logs: whole lines, bounded."""

import pytest

from fujie_emulator.functionhost import logs
from fujie_emulator.functionhost.logs import FunctionLog


@pytest.fixture
def log(tmp_path):
    made = FunctionLog(tmp_path / "logs", "f")
    yield made
    made.close()


def test_lines_are_whole_however_they_arrive(log, tmp_path):
    for piece in (b"one\ntw", b"o\n", b"thr", b"ee"):
        log.write(piece)
    assert (tmp_path / "logs" / "f.log").read_bytes() == b"one\ntwo\n"
    assert log.tail() == "one\ntwo\nthree"


def test_a_line_is_cut_at_its_limit_and_an_endless_one_does_not_grow(log, tmp_path):
    log.write(b"x" * (logs.LINE_LIMIT + 5) + b"\n")
    for _ in range(5):
        log.write(b"y" * logs.LINE_LIMIT)
    assert max(map(len, (tmp_path / "logs" / "f.log").read_bytes().split(b"\n"))) == logs.LINE_LIMIT


def test_the_tail_is_bounded(log):
    log.write(b"\n".join(b"%d" % number + b"z" * 1000 for number in range(100)))
    assert len(log.tail()) <= logs.TAIL_LIMIT


def test_a_full_file_is_moved_aside(log, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "FILE_LIMIT", 10)
    log.write(b"first line is long\nsecond\n")
    assert (tmp_path / "logs" / "f.log.1").read_bytes() == b"first line is long\n"
    assert (tmp_path / "logs" / "f.log").read_bytes() == b"second\n"


def test_output_is_echoed_with_the_functions_name_when_asked(tmp_path, capfdbinary):
    log = FunctionLog(tmp_path, "chat", echo=True)
    log.write(b"hello\n")
    log.close()
    assert capfdbinary.readouterr().err == b"[chat] hello\n"


def test_the_log_of_an_earlier_run_is_kept(log, tmp_path):
    log.write(b"one\n")
    again = FunctionLog(tmp_path / "logs", "f")
    again.write(b"two\n")
    again.close()
    assert (tmp_path / "logs" / "f.log").read_bytes() == b"one\ntwo\n"


def test_what_comes_after_the_end_goes_into_no_other_file(tmp_path):
    log = FunctionLog(tmp_path / "logs", "f")
    log.write(b"in time\n")
    log.close()
    with (tmp_path / "other").open("wb"):  # has the log's descriptor now
        log.write(b"late\n")
    assert (tmp_path / "logs" / "f.log").read_bytes() == b"in time\n"
    assert (tmp_path / "other").read_bytes() == b""
