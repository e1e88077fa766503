"""JSON text for the stream: strings and objects as AgentScope writes them."""

import json
from json.encoder import encode_basestring
from typing import Any

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


_LINE_ENDS = (("\u2028", "\\u2028"), ("\u2029", "\\u2029"), ("\x85", "\\u0085"))


def clean(text: str) -> str:
    """Return the text with each lone surrogate, which UTF-8 cannot carry, replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def on_one_line(encoded: str) -> str:
    """Return JSON text without raw line ends: JSON allows these three, but many readers of streams split at them."""
    if not encoded.isascii():
        for line_end, escaped in _LINE_ENDS:
            encoded = encoded.replace(line_end, escaped)
    return encoded


def string(text: str) -> str:
    """Return a JSON string, non-ASCII unescaped."""
    if text.isascii():
        return encode_basestring(text)
    return on_one_line(encode_basestring(clean(text)))


def compact(value: Any) -> str:
    """Return JSON without spaces, non-ASCII unescaped."""
    return on_one_line(clean(_compact(value)))


def text_block(text: str) -> str:
    """Return AgentScope's block list with one text block, as JSON text, spaces kept (it travels as a string)."""
    return json.dumps([{"type": "text", "text": clean(text)}], ensure_ascii=False)
