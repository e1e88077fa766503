"""Change the heart of identity in small ways: the tests of each module, alone, must notice nine of ten changes.

`make mutation` works on copies under `build/mutation`; `mutmut show NAME` in one of them shows a change that nobody
noticed, `mutmut browse` all of them.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "mutation"
MUTMUT = Path(sys.executable).with_name("mutmut")
FLOOR = 0.9
ITS_TESTS = {
    "claims": ["test_claims"],
    "consent": ["test_consent", "test_consent_machine"],
    "credential_cache": ["test_credential_cache", "test_cache_model"],
    "credential_key": ["test_credential_key"],
    "envelope": ["test_envelope"],
    "kms": ["test_kms"],
    "shared_credentials": ["test_shared_credentials"],
}


def copied(name: str) -> Path:
    """Return a copy in which mutmut works on one module; it knows a root of sources only by the name `src`."""
    at = BUILD / name
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree(ROOT / "shared", at / "src")
    shutil.copytree(ROOT / "tests", at / "tests")
    selection = [f"tests/identity/{test}.py" for test in ITS_TESTS[name]]
    words = {
        "source_paths": ["src"],
        "only_mutate": [f"src/fujie/identity/{name}.py"],
        "pytest_add_cli_args_test_selection": selection,
    }
    section = "\n".join(f"{key} = {json.dumps(value)}" for key, value in words.items())
    (at / "pyproject.toml").write_text(f"{(ROOT / 'pyproject.toml').read_text()}\n[tool.mutmut]\n{section}\n")
    return at


def run(name: str) -> Counter[str]:
    """Return how many changes of the module ended how."""
    at = copied(name)
    log = at / "mutmut.log"
    with log.open("w") as file:
        ran = subprocess.run([MUTMUT, "run", "--max-children", "2"], cwd=at, stdout=file, stderr=file, check=False)
    if ran.returncode:
        raise SystemExit(f"{name}: mutmut failed, see {log}")
    listed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=at, capture_output=True, text=True, check=True
    ).stdout
    outcomes = dict(line.strip().split(": ", 1) for line in listed.splitlines() if ": " in line)
    for mutant, outcome in outcomes.items():
        if outcome not in {"killed", "timeout"}:
            print(f"  {outcome}: {mutant}")
    return Counter(outcomes.values())


def main() -> int:
    """Print a line per module; fail when one of them is below the floor."""
    failed = False
    for name in sys.argv[1:] or ITS_TESTS:
        ended = run(name)
        share = (ended["killed"] + ended["timeout"]) / ended.total()
        failed |= share < FLOOR
        print(f"{name}: {share:.1%} of {ended.total()} changes noticed ({dict(ended)})", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
