"""A start without garbage collection: an entry imports this first, and calls `done` once all is loaded.

Imports make next to no garbage, and looking for it costs a tenth of a start. What they made stays for good, so later
searches leave it out, which also keeps them short.
"""

import gc

YOUNG_OBJECTS = 10_000
"""New objects between two looks, which Python takes at 700: a stream makes thousands, and none in a circle."""

gc.disable()


def begin() -> None:
    """Look for no garbage until `done`."""
    gc.disable()


def done() -> None:
    """Look for garbage from now on, but not among what is loaded."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()
