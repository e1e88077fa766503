"""The store's answers as XML, and the XML it is sent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from fujie_emulator.oss.errors import OssError

Element = tuple[str, Any]
"""A name with text, or with further elements."""


def document(root: str, elements: Iterable[Element]) -> bytes:
    """Return an XML document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{"".join(map(_element, elements))}</{root}>'.encode()


def moment(value: datetime) -> str:
    """Write a moment the way the store does in XML."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def error_document(code: str, message: str, request_id: str, host: str, extra: Mapping[str, str]) -> bytes:
    """Return the body of a refusal."""
    known = [("Code", code), ("Message", message), ("RequestId", request_id), ("HostId", host)]
    return document("Error", [*known, *extra.items()])


def _element(element: Element) -> str:
    name, value = element
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"<{name}>{''.join(map(_element, value))}</{name}>"
    return f"<{name}>{escape(_text(value))}</{name}>"


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(character for character in text if character in "\t\n\r" or ord(character) >= 32)


def parsed(body: bytes) -> ET.Element:
    """Return the root of a request's XML, its names without namespace; raise MalformedXML (OssError)."""
    if b"<!" in body:  # no document type: entities could expand without bound
        raise OssError("MalformedXML", 400, "The XML has a document type.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - a document type was refused above
    except (ET.ParseError, LookupError, ValueError) as error:
        raise OssError("MalformedXML", 400, "The XML you provided was not well-formed.") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
