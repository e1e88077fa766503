"""An agent in its developer's own process, on a data plane that is scripted or emulated."""

from contextlib import contextmanager

from fujie.identity.agent_identity import AgentIdentity
from fujie.identity.claims import unverified_payload
from fujie.secret import Secret
from fujie.settings import CallerKey
from tests.identity.world import KEY, SETTINGS, DataPlaneDouble, Issuer, MovedClock


class OwnDouble(DataPlaneDouble):
    """Reads the subject in the id_token, and answers with what names it: nobody's credential looks like another's."""

    def _usual(self, action, form):
        if action == "GetWorkloadAccessTokenForJWT":
            subject = unverified_payload(Secret(form["UserToken"]))["sub"]
            return {"WorkloadAccessToken": f"wat-{subject}", "UserContext": {"JwtClaims": {"Subject": subject}}}
        if action == "GetWorkloadAccessTokenForUserId":
            return {"WorkloadAccessToken": f"wat-named-{form['UserId']}"}
        if action == "GetWorkloadAccessToken":
            return {"WorkloadAccessToken": "wat-workload"}
        self.number += 1
        whose = form.get("WorkloadAccessToken", "")
        usual = super()._usual(action, form)
        if action == "GetResourceAPIKey":
            return {"APIKey": f"key {form['ResourceCredentialProviderName']} {whose}"}
        if action == "GetResourceOAuth2Token":
            return usual | {"AccessToken": f"token {form['OAuth2Flow']} {form['Scopes']} {whose}"}
        if action == "AssumeRoleForWorkloadIdentity":
            usual["Credentials"]["AccessKeyId"] = f"STS {whose}"
        return usual


class OwnProcess:
    def __init__(self):
        self.clock = MovedClock()
        self.cloud = OwnDouble(self.clock)
        self.issuer = Issuer(self.clock)
        self.identity = AgentIdentity(SETTINGS, lambda: KEY, now=self.clock, make_http=self.cloud.client)

    def token(self, user, **claims):
        return self.issuer.token(user, **claims).reveal()


@contextmanager
def own_process():
    process = OwnProcess()
    try:
        yield process
    finally:
        process.identity.close()


def operator_key(running):
    return CallerKey(running.access_key_id, Secret(running.access_key_secret))
