"""A start without garbage collection: an entry imports this first, and calls `done` once all is loaded.

Imports make next to no garbage, and looking for it costs a tenth of a start. What they made stays for good, so later
searches leave it out, which also keeps them short.
"""

import gc
import sys
from importlib import import_module

YOUNG_OBJECTS = 10_000
"""New objects between two looks, which Python takes at 700: a stream makes thousands, and none in a circle."""

gc.disable()


def _load_msgspec_alone() -> None:
    """Import msgspec without typing_extensions, of which it takes what `typing` has since Python 3.11."""
    if "msgspec" not in sys.modules and "typing_extensions" not in sys.modules:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
        try:
            import_module("msgspec")
        finally:
            del sys.modules["typing_extensions"]


_load_msgspec_alone()


def begin() -> None:
    """Look for no garbage until `done`."""
    gc.disable()


def done() -> None:
    """Look for garbage from now on, but not among what is loaded."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()
