"""Peers live in environments of their own, made when a benchmark first needs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"
PACKAGES = ("ppio-agent-runtime==0.1.0", "moto[server]==5.2.5", "agent-identity-python-sdk==0.1.6")
PYTHON = ">=3.12"
"""What the peers demand, which is more than ours; uv takes the first such Python on PATH, or fetches one."""


def peer_python() -> Path:
    """Return the Python that has the peers installed. Raises CalledProcessError, uv having said why, when none can."""
    python, installed = PEERS / "bin" / "python", PEERS / ".installed"
    wanted = "\n".join(PACKAGES)
    if not installed.exists() or installed.read_text() != wanted:
        print(f"installing {', '.join(PACKAGES)} into {PEERS.name} ...", file=sys.stderr)
        uv = ROOT / ".tools" / "bin" / "uv"
        program = str(uv) if uv.exists() else "uv"
        subprocess.run([program, "venv", "--quiet", "--clear", "--python", PYTHON, str(PEERS)], check=True)
        install = [program, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *PACKAGES], check=True, cwd=ROOT)
        installed.write_text(wanted)
    return python
