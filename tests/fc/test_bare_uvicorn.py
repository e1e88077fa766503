import subprocess
import sys

LOADED = "print([name in sys.modules for name in ('click', 'uvicorn.main')])"
NEITHER, BOTH = "[False, False]", "[True, True]"


def told(*lines):
    code = "\n".join(["import sys", "from fujie.fc.bare_uvicorn import leave_command_line_out", *lines])
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.splitlines()


def test_a_server_and_its_configuration_come_without_the_command_line():
    server = ["import uvicorn", "print(uvicorn.Server(uvicorn.Config(None, log_config=None)).started)", LOADED]
    assert told("leave_command_line_out()", *server) == ["False", NEITHER]


def test_whoever_asks_for_another_name_of_the_package_gets_it():
    names = "from uvicorn import Server, main, run; import uvicorn.server"
    same = "print(uvicorn.__version__ != '', callable(run), callable(main), Server is uvicorn.server.Server)"
    assert told("leave_command_line_out()", names, same, LOADED) == ["True True True True", BOTH]


def test_a_name_that_uvicorn_does_not_have_is_missing():
    assert told("leave_command_line_out()", "import uvicorn", "print(hasattr(uvicorn, 'nothing'))") == ["False"]


def test_what_was_imported_before_is_left_as_it_is():
    assert told("import uvicorn; before = uvicorn", "leave_command_line_out()", "import uvicorn",
                "print(uvicorn is before)", LOADED) == ["True", BOTH]  # fmt: skip


def test_a_configuration_of_logs_is_there_for_whoever_wants_one():
    late = "print('logging.handlers' in sys.modules)"
    server = ["import logging, uvicorn", "server = uvicorn.Server", late]
    logs = [
        "uvicorn.Config(None)",
        "print(logging.getLogger('uvicorn.access').handlers[0].formatter is not None)",
        late,
    ]
    assert told("leave_command_line_out()", *server, *logs) == ["False", "True", "True"]


def test_all_that_a_server_loads_later_can_do_without_the_types():
    later = ["uvicorn.lifespan.on", "uvicorn.lifespan.off", "uvicorn.middleware.proxy_headers",
             "uvicorn.protocols.utils", "fujie.fc.bounded_head", "fujie.fc.bounded_socket"]  # fmt: skip
    assert told("leave_command_line_out()", f"import {', '.join(later)}", "print('done')") == ["done"]


def test_dates_and_chances_are_there_for_whoever_wants_them():
    server = ["import uvicorn", "server = uvicorn.Server", "print('email._parseaddr' in sys.modules)"]
    taken = "from email.utils import formatdate, parsedate; import random, uvicorn.server as server"
    told_by_all = "print({each(0, usegmt=True) for each in (formatdate, server.formatdate)}, random.randint(7, 7))"
    assert told("leave_command_line_out()", *server, taken, told_by_all, told_by_all) == [
        "False",
        *["{'Thu, 01 Jan 1970 00:00:00 GMT'} 7"] * 2,
    ]


def test_what_was_left_out_is_found_on_its_package():
    late = "import email.utils, logging.config, uvicorn, uvicorn._types; print(email.utils.parseaddr('A <a@b.c>')[1])"
    assert told("leave_command_line_out()", late, "print(logging.config.dictConfig.__name__)") == [
        "a@b.c",
        "dictConfig",
    ]


SLOW = """
import time
time.sleep(0.2)
import impatient
word = "there"
"""
IMPATIENT = "import slow; told = hasattr(slow, 'word')"
ASKING = """
from threading import Thread
from fujie.fc.bare_uvicorn import _run_late
_run_late("slow")
import slow
said = []
asking = [Thread(target=lambda: said.append(slow.word)) for _ in range(4)]
[each.start() for each in asking]; [each.join() for each in asking]
import impatient
print(said, impatient.told)
"""


def test_a_module_that_several_threads_ask_for_at_once_is_whole_for_all_of_them(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "impatient.py").write_text(IMPATIENT)
    assert told(f"sys.path.insert(0, {str(tmp_path)!r})", ASKING) == ["['there', 'there', 'there', 'there'] False"]


def test_an_importer_of_what_was_left_out_gets_it():
    names = "from logging.config import dictConfig; import logging; print(logging.config.dictConfig is dictConfig)"
    assert told("leave_command_line_out()", names) == ["True"]
