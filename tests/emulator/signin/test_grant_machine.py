"""Whatever order codes and tokens come back in, each is good once or until its time, and a replay ends its family."""

from types import SimpleNamespace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from fujie_emulator.ims import state as ims
from fujie_emulator.signin import grants
from fujie_emulator.signin.account import account_issuer
from fujie_emulator.signin.errors import OAuthError
from fujie_emulator.signin.requests import AuthorizeRequest
from tests.contract.identity_stack import s256
from tests.emulator.machines import SETTINGS, cloud_for
from tests.emulator.signin.conftest import WEB

VERIFIER = "v" * 64
CODE_S, USED_KEPT_S, ACCESS_S, REFRESH_S = 60, 600, 3600, 7200
URI = WEB.redirect_uris[0]


class GrantMachine(RuleBasedStateMachine):
    codes, pairs = Bundle("codes"), Bundle("pairs")

    @initialize()
    def begin(self):
        self.issuer, self.app = account_issuer(self.cloud), self.application
        self.tokens = {}  # refresh token -> family, end, used; the model
        self.access = {}  # access token -> family, end
        self.ended = set()

    def issued(self, family, action):
        """See a pair issued, and what is over by now forgotten with it."""
        pair = action()
        self.tokens = {token: known for token, known in self.tokens.items() if known.ends_at > self.now[0]}
        self.tokens[pair.refresh_token] = SimpleNamespace(family=family, ends_at=self.now[0] + REFRESH_S, used=False)
        self.access[pair.access_token] = SimpleNamespace(family=family, ends_at=self.now[0] + ACCESS_S)
        return pair

    def refused(self, action):
        with pytest.raises(OAuthError) as caught:
            action()
        assert caught.value.error == "invalid_grant"

    @rule(target=codes)
    def authorize(self):
        request = AuthorizeRequest(
            self.app.app_id, URI, ("openid", "profile"), "", "", s256(VERIFIER), offline=True, prompt="", login_hint=""
        )
        code = grants.issue_code(self.issuer, request, self.cloud.users[0].user_id)
        return SimpleNamespace(code=code, family=object(), ends_at=self.now[0] + CODE_S, used=False)

    @rule(target=pairs, code=codes, verifier=st.sampled_from([VERIFIER, "w" * 64]))
    def redeem(self, code, verifier):
        def action():
            return grants.redeem_code(self.issuer, self.app, code=code.code, redirect_uri=URI, verifier=verifier)

        good = not code.used and self.now[0] < code.ends_at and verifier == VERIFIER
        was_used = code.used
        code.used = True
        if good:
            return self.issued(code.family, action)
        # a spent code is remembered for a while only
        kept = self.cloud.store.get("signin", "code", grants._digest(code.code)) is not None
        self.refused(action)
        if was_used and kept:
            self.ended.add(code.family)
        return multiple()

    @rule(target=pairs, pair=pairs)
    def refresh(self, pair):
        known = self.tokens.get(pair.refresh_token)

        def action():
            return grants.refresh(self.issuer, self.app, refresh_token=pair.refresh_token, scopes=())

        alive = known is not None and known.family not in self.ended
        if alive and not known.used and self.now[0] < known.ends_at:
            known.used = True
            return self.issued(known.family, action)
        self.refused(action)
        if alive:
            if known.used:
                self.ended.add(known.family)
            known.used = True
        return multiple()

    @rule(pair=pairs, which=st.sampled_from(["access_token", "refresh_token"]))
    def revoke(self, pair, which):
        grants.revoke(self.issuer, self.app, getattr(pair, which))
        if which == "access_token":
            self.access[pair.access_token].ends_at = 0
        elif pair.refresh_token in self.tokens:
            self.ended.add(self.tokens[pair.refresh_token].family)

    @rule(pair=pairs)
    def widen(self, pair):
        """A scope beyond the grant is refused and spends nothing."""
        known = self.tokens.get(pair.refresh_token)
        if known is None or known.used or known.family in self.ended:
            return
        with pytest.raises(OAuthError) as caught:
            grants.refresh(self.issuer, self.app, refresh_token=pair.refresh_token, scopes=("openid", "aliuid"))
        assert caught.value.error == "invalid_scope"

    @rule(seconds=st.sampled_from([1, CODE_S, USED_KEPT_S, ACCESS_S, REFRESH_S]))
    def wait(self, seconds):
        self.now[0] += seconds

    @invariant()
    def an_access_token_is_good_until_its_time_and_while_its_family_lives(self):
        for token, known in self.access.items():
            good = known.family not in self.ended and self.now[0] < known.ends_at
            assert (grants.access_grant(self.issuer, token) is not None) == good


GrantMachine.TestCase.settings = SETTINGS
TestGrants = GrantMachine.TestCase


@pytest.fixture(scope="module", autouse=True)
def cloud():
    with cloud_for(GrantMachine) as cloud:
        GrantMachine.application = ims.create(cloud, WEB)
        yield
