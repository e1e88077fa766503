"""`make bench`: every benchmark, one after the other."""

import sys

from benchmarks import emulator, identity, startup
from benchmarks.harness import main

BENCHMARKS = (startup.measure, emulator.measure, identity.measure)

if __name__ == "__main__":
    sys.exit(main("All benchmarks.", lambda quick: [found for measure in BENCHMARKS for found in measure(quick)]))
