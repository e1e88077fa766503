import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
BEGUN = "import gc; assert gc.isenabled(); import fujie.fc.loading as loading; assert not gc.isenabled()"
LATER = "assert gc.isenabled() and gc.get_freeze_count() > 1000 and gc.get_threshold()[0] == loading.YOUNG_OBJECTS"
DONE = f"loading.done(); {LATER}"
SERVING = """
import uvicorn
from fujie.fc.custom_runtime import run_server
uvicorn.Server.run = lambda server, sockets: print(gc.isenabled(), gc.get_freeze_count() > 1000, server.config.loaded)
run_server(None, "127.0.0.1", 0)
"""


def test_garbage_is_looked_for_again_once_all_is_loaded_and_not_among_that():
    subprocess.run([sys.executable, "-c", f"{BEGUN}; {DONE}"], check=True, timeout=60)


def test_msgspec_comes_without_typing_extensions_which_are_there_for_whoever_wants_them():
    alone = "import sys, fujie.fc.loading; assert 'msgspec' in sys.modules and 'typing_extensions' not in sys.modules"
    typed = "import msgspec, typing, typing_extensions; T = typing_extensions.TypedDict('T', {'a': int})"
    takes = "assert msgspec.convert({'a': 1}, typing.Annotated[T, 'x']) == {'a': 1}"
    subprocess.run([sys.executable, "-c", f"{alone}; {typed}; {takes}"], check=True, timeout=60)


def test_a_server_ends_the_start_before_its_first_request():
    ran = subprocess.run(
        [sys.executable, "-c", f"{BEGUN}\n{SERVING}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.split() == ["True", "True", "True"]


@pytest.mark.parametrize("function", ["chat", "process", "callback", "tool"])
def test_every_entry_begins_with_it_and_says_when_it_has_loaded(function):
    entry = (FUNCTIONS / function / "main.py").read_text()
    first = next(line for line in entry.splitlines() if line.startswith(("import fujie", "from fujie")))
    assert first.startswith("import fujie.fc.loading")
    assert "fujie.fc.loading.done()" in entry or "    serve(" in entry
