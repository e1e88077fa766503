"""A call's arguments while the model writes them, and how what was sent is brought to its end.

What was sent cannot be taken back: AG-UI only appends. The whole that comes last may be spaced otherwise, since it was
read and written anew, so the rest is found without regard to the spaces between JSON's tokens.
"""

import json
import re

from fujie.protocols.events import value_of

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\s+|[^\s"]+', re.DOTALL)


def rest(sent: str, whole: str) -> str | None:
    """Return what makes of `sent` the arguments `whole`, or None where nothing can."""
    if whole.startswith(sent):
        return whole[len(sent) :]
    value = value_of(whole)
    if isinstance(value, str) or not sent.strip():
        return None
    if value_of(sent) == value:
        return ""
    begun = _without_spaces(sent)
    for ascii_only in (False, True):
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
        if text.startswith(begun):
            return text[len(begun) :]
    return None


def _without_spaces(text: str) -> str:
    return "".join(token for token in _TOKEN.findall(text) if not token.isspace())
