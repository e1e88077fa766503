"""Official control-plane clients, made once per run; imported late, they cost most of a second."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from fujie.secret import Secret
from infra.config import CloudAddress

RETRIES = 6
FIRST_WAIT_S = 0.5
_TRY_AGAIN = ("Throttling", "ServiceUnavailable", "InternalError", "SystemBusy")


@dataclass(frozen=True)
class OperatorKey:
    """The access key of whoever applies the declaration; a temporary one comes with its token."""

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret | None = None


class CloudClients:
    """The clients of one account, each made when first asked for."""

    def __init__(self, address: CloudAddress, key: OperatorKey) -> None:
        self._address = address
        self._key = key

    @cached_property
    def agentidentity(self) -> Any:
        from alibabacloud_agentidentity20250901.client import Client

        return Patient(Client(self._sdk_config(self._address.regional("agentidentity"))))

    @cached_property
    def ims(self) -> Any:
        from alibabacloud_ims20190815.client import Client

        return Patient(Client(self._sdk_config(self._address.central("ims"))))

    @cached_property
    def ram(self) -> Any:
        from alibabacloud_ram20150501.client import Client

        return Patient(Client(self._sdk_config(self._address.central("ram"))))

    @cached_property
    def fc(self) -> Any:
        from alibabacloud_fc20230330.client import Client

        return Patient(Client(self._sdk_config(self._address.regional("fcv3"))))

    def queues(self, action: str, parameters: Mapping[str, str]) -> None:
        """Call an action of Message Service, whose control plane has no client of its own here."""
        from alibabacloud_tea_openapi.client import Client
        from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
        from darabonba.runtime import RuntimeOptions

        call = Params(
            action=action,
            version="2022-01-19",
            protocol=None,
            method="POST",
            auth_type="AK",
            style="RPC",
            pathname="/",
            req_body_type="json",
            body_type="json",
        )
        client = Patient(Client(self._sdk_config(self._address.regional("mns-open"))))
        client.call_api(call, OpenApiRequest(query=dict(parameters)), RuntimeOptions())

    @cached_property
    def bucket_service(self) -> Any:
        import oss2

        return oss2.Service(self._oss_auth(), self._address.oss(), connect_timeout=10)

    def bucket(self, name: str) -> Any:
        import oss2

        return oss2.Bucket(self._oss_auth(), self._address.oss(), name, connect_timeout=10)

    def _oss_auth(self) -> Any:
        import oss2

        key, secret, token = self._key.access_key_id, self._key.access_key_secret.reveal(), self._key.security_token
        return oss2.StsAuth(key, secret, token.reveal()) if token else oss2.Auth(key, secret)

    def _sdk_config(self, endpoint: str) -> Any:
        from alibabacloud_tea_openapi.models import Config

        return Config(
            access_key_id=self._key.access_key_id,
            access_key_secret=self._key.access_key_secret.reveal(),
            security_token=self._key.security_token.reveal() if self._key.security_token else None,
            endpoint=endpoint,
            region_id=self._address.region,
            connect_timeout=5_000,
            read_timeout=15_000,
        )


class Patient:
    """A client whose calls wait and try again when the cloud asks them to."""

    def __init__(self, client: Any, wait: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._wait = wait

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._client, name)

        def patiently(*arguments: Any) -> Any:
            for attempt in range(RETRIES):
                try:
                    return call(*arguments)
                except Exception as error:
                    if not str(getattr(error, "code", "")).startswith(_TRY_AGAIN):
                        raise
                self._wait(FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - not a secret
            return call(*arguments)

        return patiently


def load_entrance_clients() -> None:
    """Import what `infra.ensure.ensure_entrance` will use, at a moment when its third of a second costs nothing."""
    for package in ("ims20190815", "ram20150501"):
        import_module(f"alibabacloud_{package}.client")


def missing(error: Exception) -> bool:
    """Tell whether an SDK error says that the resource is not there (`EntityNotExist.X`, `EntityNotExists.X`)."""
    return str(getattr(error, "code", "")).startswith(("EntityNotExist.", "EntityNotExists."))


@dataclass
class Found:
    """What a call returned, or None when there was nothing."""

    value: Any = None


@contextmanager
def absent() -> Iterator[Found]:
    """Go on when the resource is not there; any other error is raised."""
    found = Found()
    try:
        yield found
    except Exception as error:
        if not missing(error):
            raise
