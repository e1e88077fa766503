"""`python -m infra.engine.build`: put the engine into the user's cache, unless it is there, and print where.

Needs Go and the Go module proxy; some minutes on two cores the first time, nothing after that.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fujie.errors import FujieError
from infra.engine.finding import CLI, HOST, PROVIDER, RECIPE, STAMP, built_engine, cache_directory, engine_directory

_LANGUAGE_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
GO = (1, 26)
_LEAN = "-gcflags=all=-l -dwarf=false"
"""Nothing inlined and no debugging data: three times less to compile; what the engine does is mostly waiting."""
_MEMORY = {"GOGC": "400", "GOMEMLIMIT": "2500MiB"}
"""Of each compiler: it collects seldom, and often only where its memory would grow beyond that."""


class EngineBuildError(FujieError):
    """The engine could not be built."""


def main() -> int:
    """Build what is missing; an expected failure is one sentence and exit code 1."""
    try:
        print(build_engine())  # noqa: T201 - the answer to the caller
    except EngineBuildError as error:
        print(f"{error} ({error.repair})", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def build_engine() -> Path:
    """Return the directory of the engine, built if need be; two builds at once wait for each other.

    Raises EngineBuildError when Go is missing or fails.
    """
    found = built_engine()
    if found is not None:
        return found
    _check_go()
    with _alone():
        found = built_engine()
        return found if found is not None else _build(engine_directory())


@contextmanager
def _alone() -> Iterator[None]:
    cache_directory().mkdir(parents=True, exist_ok=True)
    with (cache_directory() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    common = ("-tags", "osusergo,grpcnotrace")
    _go("cli", target / "pulumi", f"{_LANGUAGE_VERSION}=v{CLI}", *common, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
    host = f"{_SDK}/python/cmd/pulumi-language-python"
    _go("host", target / "pulumi-language-python", f"{_LANGUAGE_VERSION}=v{HOST}", *common, host)
    _go("provider", target / "pulumi-resource-alicloud", f"main.version={PROVIDER}", ".")
    for script in _SCRIPTS:
        copy = target / Path(script).name
        shutil.copyfile(_sdk_directory() / script, copy)
        copy.chmod(0o755)  # a module's zip keeps no execute bit
    (target / STAMP).touch()
    return target


def _go(module: str, output: Path, version: str, *what: str) -> None:
    print(f"building {output.name} ...", file=sys.stderr)  # noqa: T201 - minutes pass
    arguments = ("build", "-trimpath", _LEAN, "-ldflags", f"-s -w -X {version}", "-o", str(output), *what)
    _run(module, *arguments)


def _sdk_directory() -> Path:
    return Path(_run("cli", "list", "-m", "-f", "{{.Dir}}", _SDK).strip())


def _run(module: str, *arguments: str) -> str:
    run = subprocess.run(  # noqa: S603 - our own arguments
        ["go", *arguments],  # noqa: S607 - whichever Go the user has
        cwd=RECIPE / module,
        env=_environment(os.environ),
        check=False,
        text=True,
        capture_output=True,
    )
    if run.returncode:
        raise EngineBuildError(f"go {arguments[0]} failed:\n{run.stderr.strip()}", repair="run `make engine` again")
    return run.stdout


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, **_MEMORY, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}


def _check_go() -> None:
    repair = f"install Go {GO[0]}.{GO[1]} or newer, or a pulumi of your own"
    if shutil.which("go") is None:
        raise EngineBuildError("Go is not there", repair=repair)
    version = _run("cli", "env", "GOVERSION").strip().removeprefix("go").split(".")
    if tuple(int(part) for part in version[:2] if part.isdecimal()) < GO:
        raise EngineBuildError(f"Go {'.'.join(version)} is too old", repair=repair)


if __name__ == "__main__":
    sys.exit(main())
