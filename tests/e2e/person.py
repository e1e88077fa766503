"""A person with a browser that runs no script: signs in, asks, follows links, presses buttons of plain forms."""

import json
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2
import pytest


class OnThisMachine(httpx2.HTTPTransport):
    """Finds every name below localhost here, as browsers do; a resolver need not know it (RFC 6761 6.3)."""

    def handle_request(self, request):
        if request.url.host.endswith(".localhost"):
            request = httpx2.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return super().handle_request(request)


class Person:
    """One browser profile of one demo user."""

    def __init__(self, stack, user, language="en"):
        self.stack = stack
        self.user = user
        self.language = language
        self.http = httpx2.Client(
            timeout=60,
            trust_env=False,
            follow_redirects=True,
            headers={"Accept-Language": language},
            transport=OnThisMachine(trust_env=False),
        )

    def close(self):
        self.http.close()

    def sign_in(self):
        page = self.http.get(f"{self.stack.url}/auth/login")
        answer = self.press(page, self.user)
        assert answer.status_code == 200, answer.text
        assert self.me()["user"]["name"] == self.user
        return self

    def me(self):
        return self.http.get(f"{self.stack.url}/api/me").json()

    def ask(self, message, conversation_id=None):
        """Return the answer's events up to the end of the stream."""
        answer = self.post_chat(message, conversation_id)
        assert answer.status_code == 200, answer.text
        return Answer(events_of(answer.text))

    def ask_tool(self, message, tool):
        """Return the answer up to what that tool returned, or to its end: the words are not waited for."""
        body = {"conversation_id": None, "message": message, "language": self.language}
        events = []
        with self.http.stream("POST", f"{self.stack.url}/api/chat", json=body, headers=self.csrf()) as answer:
            assert answer.status_code == 200, answer.read()
            for line in answer.iter_lines():
                events += events_of(line)
                if tool in dict(Answer(events[-1:]).tools):
                    break
        return Answer(events)

    def post_chat(self, message, conversation_id=None):
        body = {"conversation_id": conversation_id, "message": message, "language": self.language}
        return self.http.post(f"{self.stack.url}/api/chat", json=body, headers=self.csrf())

    def csrf(self):
        return {"x-csrf-token": self.me()["csrf_token"], "origin": self.stack.url}

    def follow(self, answer, seconds=25):
        """Return the run's events from the start until it ends, as an open page would see them."""
        seen = list(answer.events)
        for _ in range(6):
            after = max((event["sequence_number"] for event in seen), default=-1)
            url = f"{self.stack.url}/api/runs/{answer.run_id}/events?after={after}"
            seen += events_of(self.http.get(url, timeout=seconds + 10).text)
            whole = Answer(seen)
            if whole.status in {"completed", "failed", "canceled"}:
                return whole
        return Answer(seen)

    def open(self, url):
        return self.http.get(url)

    def press(self, page, button):
        """Press the button of that name or value in the page's form that has it."""
        form = next(form for form in forms_of(page.text) if button in form.buttons)
        name, value = form.buttons[button]
        fields = form.hidden | ({name: value} if name else {})
        return self.http.request(
            form.method,
            urljoin(str(page.url), form.action),
            **({"data": fields} if form.method == "POST" else {"params": fields}),
            headers={
                "origin": str(page.url).split("/", 3)[0] + "//" + page.url.netloc.decode(),
                "referer": str(page.url),
            },
        )

    def cancel(self, answer):
        return self.http.post(f"{self.stack.url}/api/runs/{answer.run_id}/cancel", headers=self.csrf())

    def allow(self, connect_url):
        """Go through every page with Allow on it; return the last page."""
        page = self.open(connect_url)
        for _ in range(5):
            button = next(
                (word for word in ("Allow", "允许") if any(word in f.buttons for f in forms_of(page.text))), None
            )
            if button is None:
                return page
            page = self.press(page, button)
        raise AssertionError("there is no end to allowing")

    def deny(self, connect_url):
        page = self.open(connect_url)
        button = "Deny" if any("Deny" in form.buttons for form in forms_of(page.text)) else "拒绝"
        return self.press(page, button)


@pytest.fixture
def person(stack):
    """A function that returns a demo user who has signed in with a browser of his own."""
    people = []

    def sign_in(user="alice", language="en", on=None):
        someone = Person(on or stack, user, language)
        people.append(someone)
        return someone.sign_in()

    yield sign_in
    for someone in people:
        someone.close()


class Answer:
    """The AgentScope events of one run."""

    def __init__(self, events):
        self.events = events

    @property
    def run_id(self):
        return self.events[0]["id"].removeprefix("response_")

    @property
    def conversation_id(self):
        return self.events[0]["session_id"]

    @property
    def status(self):
        return [event["status"] for event in self.events if event["object"] == "response"][-1]

    @property
    def text(self):
        return "".join(
            content["text"]
            for message in self.messages("message")
            for content in message["content"]
            if content["type"] == "text"
        )

    def messages(self, kind):
        return [
            event
            for event in self.events
            if event["object"] == "message" and event["status"] == "completed" and event["type"] == kind
        ]

    def data(self, kind):
        return [
            content["data"]
            for message in self.messages("message")
            for content in message["content"]
            if content["type"] == "data" and content["data"].get("type") == kind
        ]

    @property
    def consents(self):
        return self.data("authorization_required")

    @property
    def outcomes(self):
        return [data["outcome"] for data in self.data("authorization_resolved")]

    @property
    def tools(self):
        """Return (name, metadata) of every tool call that returned."""
        return [
            (message["content"][0]["data"]["name"], message["metadata"])
            for message in self.messages("plugin_call_output")
        ]


def events_of(text):
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


class Form:
    def __init__(self, action, method):
        self.action = action
        self.method = method.upper()
        self.hidden = {}
        self.buttons = {}


def forms_of(html):
    parser = _Forms()
    parser.feed(html)
    return parser.forms


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []
        self._button = None
        self._select = None

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get")))
        elif self.forms:
            self._control(tag, found)

    def _control(self, tag, found):
        fields = self.forms[-1].hidden
        chosen = found.get("type") == "hidden" or (found.get("type") == "radio" and "checked" in found)
        if tag == "input" and chosen:
            fields[found["name"]] = found.get("value", "")
        elif tag == "select":
            self._select = found.get("name", "")
        elif tag == "option" and self._select and ("selected" in found or self._select not in fields):
            fields[self._select] = found.get("value", "")
        elif tag == "button":
            self._button = (found.get("name", ""), found.get("value", ""), [])

    def handle_data(self, data):
        if self._button:
            self._button[2].append(data)

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = None
        if tag == "button" and self._button and self.forms:
            name, value, words = self._button
            label = " ".join("".join(words).split())
            self.forms[-1].buttons[label] = (name, value)
            if value:
                self.forms[-1].buttons.setdefault(value, (name, value))
            self._button = None
