"""Peers live in environments of their own, made when a benchmark first needs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    ".venv-peers": ("ppio-agent-runtime==0.1.0", "moto[server]==5.2.5", "agent-identity-python-sdk==0.1.6"),
    ".venv-peers-runtime": (
        "ppio-agent-runtime==0.1.0",
        "bedrock-agentcore==1.25.0",
        "agentrun-sdk[server]==0.0.54",
        "crcmod-plus",
        "agentscope-runtime==1.1.6.post2",
    ),
    # The runtime with the AgentScope that its adapter was written for.
    ".venv-peers-agentscope1": ("agentscope-runtime==1.1.6.post2", "agentscope<2", "mcp<2", "tqdm", "greenlet"),
    # Ours, in the Python that the peers have; the package itself is found by its path.
    ".venv-peers-ours": ("-r", "pyproject.toml"),
}
"""Environment -> what it holds; the runtimes do not agree with the others on their dependencies."""
PYTHON = ">=3.12"
"""What the peers demand, which is more than ours; uv takes the first such Python on PATH, or fetches one."""


def peer_python(environment: str = ".venv-peers") -> Path:
    """Return the Python that has the peers installed. Raises CalledProcessError, uv having said why, when none can."""
    folder, packages = ROOT / environment, PACKAGES[environment]
    python, installed = folder / "bin" / "python", folder / ".installed"
    wanted = "\n".join(packages)
    if not installed.exists() or installed.read_text() != wanted:
        print(f"installing {', '.join(packages)} into {folder.name} ...", file=sys.stderr)
        uv = ROOT / ".tools" / "bin" / "uv"
        program = str(uv) if uv.exists() else "uv"
        subprocess.run([program, "venv", "--quiet", "--clear", "--python", PYTHON, str(folder)], check=True)
        install = [program, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *packages], check=True, cwd=ROOT)
        installed.write_text(wanted)
    return python
