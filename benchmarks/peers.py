"""Peers live in environments of their own, made when a benchmark first needs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"
PACKAGES = ("ppio-agent-runtime==0.1.0",)


def peer_python() -> Path:
    """Return the Python that has the peers installed."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        print(f"installing {', '.join(PACKAGES)} into {PEERS.name} ...", file=sys.stderr)
        uv = ROOT / ".tools" / "bin" / "uv"
        program = str(uv) if uv.exists() else "uv"
        subprocess.run([program, "venv", "--quiet", "--python", sys.executable, str(PEERS)], check=True)
        subprocess.run([program, "pip", "install", "--quiet", "--python", str(python), *PACKAGES], check=True)
    return python
