"""`*` stands for any text, also none and also with slashes and colons; `?` for one character."""


def fits(pattern: str, text: str) -> bool:
    """Tell whether the whole text fits, in at most len(pattern) * len(text) steps whatever the pattern."""
    at = in_pattern = 0
    star, resume = -1, 0
    while at < len(text):
        if in_pattern < len(pattern) and pattern[in_pattern] == "*":
            star, resume = in_pattern, at
            in_pattern += 1
        elif in_pattern < len(pattern) and pattern[in_pattern] in ("?", text[at]):
            at += 1
            in_pattern += 1
        elif star >= 0:
            resume += 1
            at, in_pattern = resume, star + 1
        else:
            return False
    return all(character == "*" for character in pattern[in_pattern:])
