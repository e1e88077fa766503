"""`make bench`: every benchmark, one after the other; `python -m benchmarks runtime` for those that are named."""

import sys

from benchmarks import emulator, identity, runtime, startup
from benchmarks.harness import main

BENCHMARKS = {
    "startup": startup.measure,
    "emulator": emulator.measure,
    "identity": identity.measure,
    "runtime": runtime.measure,
}

if __name__ == "__main__":
    named = [word for word in sys.argv[1:] if word in BENCHMARKS] or list(BENCHMARKS)
    sys.argv[1:] = [word for word in sys.argv[1:] if word not in BENCHMARKS]
    measures = [BENCHMARKS[name] for name in named]
    sys.exit(main(f"Benchmarks: {', '.join(named)}.", lambda quick: [row for ask in measures for row in ask(quick)]))
