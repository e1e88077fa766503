"""Reading a sentence: its language, its quoted strings, its clauses."""

import re

from fujie_emulator.llm.request import Language

CJK = r"\u3400-\u9fff"
_QUOTED = re.compile(
    r"\"([^\"]*)\"|“([^”]*)”|「([^」]*)」|『([^』]*)』|《([^》]*)》|‘([^’]*)’|(?<![A-Za-z0-9])'((?:[^']|'(?=[a-z]))*)'"
)
_CLAUSE_END = re.compile(r"[;；!！?？。\n]|\.(?=\s|$)|,?\s+(?:and\s+)?then\s+|[，,]?\s*(?:然后|接着)")


def language_of(text: str) -> Language:
    """Return the language in which `text` is asked; what stands in quotes does not count."""
    bare = _QUOTED.sub(" ", text) if _QUOTED.sub("", text).strip() else text
    characters = len(re.findall(f"[{CJK}]", bare))
    words = len(re.findall(r"[A-Za-z]+", bare))
    starts = re.search(f"[A-Za-z{CJK}]", bare)
    if starts is not None and re.match(f"[{CJK}]", starts.group()):
        return "zh"
    return "zh" if characters > 1.5 * words else "en"


def quoted_strings(text: str) -> list[str]:
    """Return what stands in quotes of either language, in order."""
    return [next(group for group in match.groups() if group is not None) for match in _QUOTED.finditer(text)]


def unquoted(text: str) -> str:
    """Return `text` with each quoted string replaced by a space."""
    return _QUOTED.sub(" ", text)


def clauses(text: str) -> list[str]:
    """Return the parts of `text` that ask for one thing each; quotes are never cut."""
    quotes = [match.group() for match in _QUOTED.finditer(text)]
    masked = _QUOTED.sub("\0", text)
    parts = _CLAUSE_END.split(masked)
    source = iter(quotes)
    return [
        restored.strip(" ,，")
        for part in parts
        if (restored := re.sub("\0", lambda _: next(source), part)).strip(" ,，.")
    ]
