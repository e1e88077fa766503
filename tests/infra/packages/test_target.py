import subprocess
import sys

import pytest

from infra.packages.errors import PackagingError
from infra.packages.target import Target, here


def test_this_interpreter_compiles_for_itself():
    assert here().interpreter().samefile(sys.executable)


def test_a_python_that_is_not_here_is_named_with_what_to_do():
    with pytest.raises(PackagingError, match=r"no Python 3\.2 on this machine") as caught:
        Target("3.2").interpreter()
    assert "python3.2" in caught.value.repair


def test_what_is_called_python_and_does_not_run_is_passed_over(tmp_path, monkeypatch):
    shim = tmp_path / "python3.2"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert subprocess.run([shim], check=False).returncode == 127
    with pytest.raises(PackagingError):
        Target("3.2").interpreter()
