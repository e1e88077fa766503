"""The protocol's objects as JSON text, keys and nulls in the traced order. Stateless: numbers are handed in."""

from typing import Any

from msgspec import to_builtins

from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.words import clean, compact, string
from fujie.protocols.events import ConsentRequired, ConsentResolved, RunStarted, ToolCalled, ToolCalling, ToolReturned


class OpenText:
    """A message of text that has begun: what came so far, in pieces. What its frames repeat is rendered once."""

    __slots__ = ("_head", "_id", "_pieces", "before", "keep")

    def __init__(self, id_: str, kind: str) -> None:
        self._pieces: list[str] = []
        self.keep = self._pieces.append
        """Takes in a piece that is said elsewhere."""
        self._id = id_
        self._head = f'"error":null,"id":{id_},"type":"{kind}","role":"assistant","content":'
        self.before = (
            ',"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,'
            f'"msg_id":{id_},"text":'
        )
        """Of a piece's event, from behind the sequence number on up to the piece."""

    def begin(self, number: int) -> str:
        """Return its announcement."""
        return f'{{"sequence_number":{number},"object":"message","status":"in_progress",{self._head}null,{_REST}'

    def add(self, text: str) -> str:
        """Take in a piece, and return its event from behind the sequence number on."""
        piece = clean(text)
        self.keep(piece)
        return f"{self.before}{string(piece)}"

    def end(self, number: int, status: str) -> tuple[str, str]:
        """Return its whole text, and the message with that, which has the next number."""
        text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
        part = (
            f'{{"sequence_number":{number},"object":"content","status":"{status}","error":null,"type":"text","index":0,'
            f'"delta":null,"msg_id":{self._id},"text":{string(text)}}}'
        )
        head = f'{{"sequence_number":{number + 1},"object":"message","status":"{status}",{self._head}['
        return part, f"{head}{part}],{_REST}"


_REST = '"code":null,"message":null,"usage":null,"metadata":{}}'
"""Of a message of text."""


def whole_text(start: RunStarted, id_: str, text: str, completed_at: int, usage: str) -> str:
    """Return all frames of a run of one text, which is a JSON string as its message's id is."""
    head = f'"error":null,"id":{string(f"response_{start.run_id}")},"created_at":{start.created_at},"completed_at":'
    tail = f'"session_id":{string(start.session_id)}}}\n\n'
    begun = f'{head}null,"output":null,"usage":null,{tail}'
    message = f'"error":null,"id":{id_},"type":"message","role":"assistant","content":'
    kind, said = '"error":null,"type":"text","index":0,"delta":', f',"msg_id":{id_},"text":{text}}}'
    whole = f'{{"sequence_number":4,"object":"content","status":"completed",{kind}null{said}'
    done = f'{{"sequence_number":5,"object":"message","status":"completed",{message}[{whole}],{_REST}'
    return (
        f'data: {{"sequence_number":0,"object":"response","status":"created",{begun}'
        f'data: {{"sequence_number":1,"object":"response","status":"in_progress",{begun}'
        f'data: {{"sequence_number":2,"object":"message","status":"in_progress",{message}null,{_REST}\n\n'
        f'data: {{"sequence_number":3,"object":"content","status":"in_progress",{kind}true{said}\n\n'
        f"data: {whole}\n\ndata: {done}\n\n"
        f'data: {{"sequence_number":6,"object":"response","status":"completed",{head}{completed_at},"output":[{done}],'
        f'"usage":{usage},{tail}'
    )


def message(number: int, status: str, id_: str, kind: str, role: str, content: str, metadata: str) -> str:
    """Return a `message`; its id is a JSON string, `content` is `null` or the list of its parts."""
    return (
        f'{{"sequence_number":{number},"object":"message","status":"{status}","error":null,'
        f'"id":{id_},"type":"{kind}","role":"{role}","content":{content},"code":null,'
        f'"message":null,"usage":null,"metadata":{metadata}}}'
    )


def content(number: int, status: str, delta: str, id_: str, payload: str, index: int) -> str:
    """Return a `content`, of text or of data as its payload says; its message's id is a JSON string."""
    kind = "text" if payload.startswith('"text"') else "data"
    return (
        f'{{"sequence_number":{number},"object":"content","status":"{status}","error":null,'
        f'"type":"{kind}","index":{index},"delta":{delta},"msg_id":{id_},{payload}}}'
    )


def snapshot(payload: str) -> str:
    """Return a data part as messages repeat it: its own numbers are null (protocol notes 1.5)."""
    return (
        '{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,'
        f'"delta":false,"msg_id":null,{payload}}}'
    )


def call_data(event: ToolCalling | ToolCalled) -> str:
    """Return the payload of a call, as far as it is written."""
    call_id, name, arguments = map(string, (event.call_id, event.name, event.arguments))
    return f'"data":{{"call_id":{call_id},"name":{name},"arguments":{arguments}}}'


def outcome(event: ToolReturned) -> str:
    """Return the metadata of a tool's output: how it went, and with which credential."""
    badge = to_builtins(event.credential) if event.credential else None
    return compact(
        {"ok": event.ok, "duration_ms": event.duration_ms, "credential": badge, "error_code": event.error_code}
    )


def consent_data(event: ConsentRequired | ConsentResolved) -> str:
    """Return the payload that says to a program what the words say to a person."""
    data: dict[str, Any] = {"type": "authorization_resolved"}
    if isinstance(event, ConsentResolved):
        data |= {"consent_id": event.consent_id, "outcome": event.outcome}
    else:
        data = {"type": "authorization_required"} | to_builtins(event.request) | {"call_id": event.call_id}
    return f'"data":{compact(data)}'


def consent_words(request: ConsentRequest) -> str:
    """Return what a person reads who sees only text: both languages, since a replayed log knows no reader.

    It ends with an empty line: such a client joins all texts, and the answer follows.
    """
    english = ", ".join(scope.words.get("en", scope.name) for scope in request.scopes)
    chinese = "、".join(scope.words.get("zh", scope.name) for scope in request.scopes)
    return (
        f"Permission needed: {request.provider_name} ({english}).\nReview and allow: {request.connect_url}\n\n"
        f"需要授权：{request.provider_name}（{chinese}）。\n请查看并允许：{request.connect_url}\n\n"
    )
