"""Nothing leaves the machine: the journey in a network namespace that has nothing but loopback."""

import os
import shutil
import socket
import struct
import subprocess
import sys

import pytest

from tests.e2e.running import ROOT

pytestmark = pytest.mark.e2e

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # linux/sockios.h, linux/if.h

UNSHARE = [shutil.which("unshare") or "unshare", "--map-root-user", "--net"]


def namespaces_work():
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, timeout=10).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not namespaces_work(), reason="this machine lets nobody make network namespaces")
def test_the_journey_passes_where_there_is_no_network(tmp_path):
    code = f"from tests.e2e.test_offline import journey; journey({str(tmp_path)!r})"
    done = subprocess.run([*UNSHARE, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "answered all" in done.stdout


def journey(directory):
    """Runs inside the namespace: every question, consents included."""
    from tests.e2e.person import Person
    from tests.e2e.questions import QUESTIONS
    from tests.e2e.running import RunningStack

    bring_loopback_up()
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=2)
    stack = RunningStack(directory).start()
    try:
        alice = Person(stack, "alice").sign_in()
        for question in QUESTIONS:
            answer = alice.ask(question.en)
            if answer.status == "incomplete":
                alice.allow(answer.consents[0]["connect_url"])
                answer = alice.follow(answer)
            assert answer.status == "completed", question.name
            assert any(shown in answer.text for shown in question.shows), answer.text
        alice.close()
        print("answered all")
    finally:
        stack.stop()


def bring_loopback_up():
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"\0" * 14)
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b"\0" * 14))
    assert os.geteuid() == 0
