"""What a consent asks for, in the words of the person's language."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from fujie import clock
from fujie.identity.consent import in_language, words_from_consent
from fujie.identity.rows import BrowserSession, Consent
from fujie.settings import AgentAbout
from functions.callback.words import WORDS, Language


def shown(consent: Consent, session: BrowserSession, about: AgentAbout | None, language: Language) -> dict[str, Any]:
    """Return what connect.html names; `about` is the agent that asks, None the one that ships."""
    words, asked = WORDS[language], words_from_consent(consent)
    return {
        "lead": words["connect_lead"].format(provider=asked.provider_name),
        "agent": about.name if about else words["agent_name"],
        "agent_description": about.description if about else words["agent_description"],
        "provider": asked.provider_name,
        "scopes": [
            {"name": scope.name, "words": in_language(scope.words, language) or scope.name} for scope in asked.scopes
        ],
        "tool": consent.tool,
        "reason": in_language(asked.reason, language),
        "user": session.user.name,
        "expires_iso": consent.expires_at.isoformat(timespec="seconds"),
        "valid": _valid(consent.expires_at, words),
        "host": urlsplit(consent.authorization_url).netloc,
        "csrf_token": session.csrf_token,
    }


def _valid(expires_at: datetime, words: Mapping[str, str]) -> str:
    left = expires_at - clock.now()
    at = f"{expires_at:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(minutes=1):
        return words["less_than_a_minute"].format(at=at)
    return words["minutes"].format(n=int(left.total_seconds() // 60), at=at)
