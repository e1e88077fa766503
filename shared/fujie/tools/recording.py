"""What the ledger is told of a tool call: who used whose credential for what, and how it ended."""

from fujie import clock
from fujie.identity.acting import Actor
from fujie.identity.rows import Decision, LedgerEntry
from fujie.secret import Secret
from fujie.tools.declaration import STS, APIKey, OAuth, Tool
from fujie.tools.granting import Grant
from fujie.tools.outcomes import Outcome, Succeeded, Waits


class CredentialUse:
    """One use, from the decision to its end. A call that needs no credential never begins one."""

    def __init__(self, acting: Actor, tool: Tool, call_id: str, actor: str) -> None:
        self._acting = acting
        self._tool = tool
        self._call_id = call_id
        self._actor = actor
        self._grant: Grant | None = None
        self.has_begun = False

    def begin(self) -> None:
        """Say that the credential is asked for now."""
        self.has_begun = self._tool.credential is not None

    def issue(self, grant: Grant) -> None:
        """Say that the call got it."""
        self._grant = grant

    @property
    def credential(self) -> Secret | None:
        """Return what tells this credential from others; none was issued: None."""
        if self._grant is None:
            return None
        if self._grant.sts is not None:
            return self._grant.sts.security_token
        return self._grant.issued.secret if self._grant.issued else None

    def entry(self, outcome: str) -> LedgerEntry:
        """Return the entry; `outcome` is that of `said_of`."""
        kind, provider, scopes = _named(self._tool)
        decision: Decision = "issued" if self._grant else "asked" if outcome == WAITS else "refused"
        user, run_id = self._acting.user, self._acting.run_id
        return LedgerEntry(
            clock.now(), self._actor, user, run_id, self._call_id, self._tool.name,
            kind, provider, scopes, decision, outcome,
        )  # fmt: skip


WAITS = "waits"


def said_of(outcome: Outcome) -> str:
    """Return one word for how a call ended."""
    if isinstance(outcome, Succeeded):
        return "ok"
    return WAITS if isinstance(outcome, Waits) else str(outcome.error["code"])


def _named(tool: Tool) -> tuple[str, str, tuple[str, ...]]:
    credential = tool.credential
    if isinstance(credential, OAuth):
        return "oauth", credential.provider, tuple(credential.scopes)
    if isinstance(credential, APIKey):
        return "api_key", credential.provider, ()
    return ("sts", "sts", tuple(credential.actions)) if isinstance(credential, STS) else ("", "", ())
