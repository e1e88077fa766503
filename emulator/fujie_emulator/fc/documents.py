"""JSON as requests of Function Compute hold it: their bodies, and the configurations that travel as text."""

import json
from typing import Any

from fujie_emulator.fc.errors import invalid


def json_object(text: Any, name: str, right: str = "a JSON object as text is right") -> dict[str, Any]:
    """Return the object in a text (anything else may come, too). Raises InvalidArgument, naming the field."""
    try:
        document = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid(name, right) from error
    if not isinstance(document, dict):
        raise invalid(name, right)
    return document
