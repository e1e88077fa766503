"""The temporary key of a function's role: one at a time, renewed before it ends by the cloud's clock."""

from datetime import timedelta

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import StsCredentials, assume_role
from fujie_emulator.functionhost.errors import AccessDeniedError

PRINCIPAL = {"Service": "fc.aliyuncs.com"}
DURATION_S = 3600  # what every role allows; FC itself hands out keys of up to 36 hours
MARGIN = timedelta(minutes=10)  # an instance that starts a long request now must not outlive its key


class RoleKey:
    """The present key of one role; None for a function that has no role."""

    def __init__(self, cloud: Cloud, role: str, function: str) -> None:
        self._cloud = cloud
        self._role = role
        self._session = function[:64] if len(function) > 1 else f"fc-{function}"  # RoleSessionName has 2 to 64
        self._held: StsCredentials | None = None

    def present(self) -> StsCredentials | None:
        """Return a key that is good for a while; AccessDeniedError when the role is missing or does not trust FC."""
        if not self._role:
            return None
        if self._held is None or self._held.expires_at - self._cloud.clock.now() < MARGIN:
            self._held = self._assume()
        return self._held

    def forget(self) -> None:
        """Obtain a new key the next time."""
        self._held = None

    def _assume(self) -> StsCredentials:
        try:
            return assume_role(
                self._cloud, self._role, principal=PRINCIPAL, session_name=self._session, duration_s=DURATION_S
            )
        except CloudError as error:
            raise AccessDeniedError(self._role, f"{error.code}: {error.message}") from error
