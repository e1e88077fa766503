"""Official control-plane clients, made once per run; imported late, they cost most of a second."""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from fujie.secret import Secret
from infra.config import StackConfig


@dataclass(frozen=True)
class OperatorKey:
    """The access key of whoever applies the declaration."""

    access_key_id: str
    access_key_secret: Secret


class CloudClients:
    """The clients of one account, each made when first asked for."""

    def __init__(self, config: StackConfig, key: OperatorKey) -> None:
        self.config = config
        self._key = key

    @cached_property
    def agentidentity(self) -> Any:
        from alibabacloud_agentidentity20250901.client import Client

        return Client(self._sdk_config(self.config.agentidentity_endpoint()))

    @cached_property
    def ims(self) -> Any:
        from alibabacloud_ims20190815.client import Client

        return Client(self._sdk_config(self.config.central_endpoint("ims")))

    @cached_property
    def ram(self) -> Any:
        from alibabacloud_ram20150501.client import Client

        return Client(self._sdk_config(self.config.central_endpoint("ram")))

    @cached_property
    def bucket_service(self) -> Any:
        import oss2

        auth = oss2.Auth(self._key.access_key_id, self._key.access_key_secret.reveal())
        return oss2.Service(auth, self.config.oss_endpoint(), connect_timeout=10)

    def bucket(self, name: str) -> Any:
        import oss2

        auth = oss2.Auth(self._key.access_key_id, self._key.access_key_secret.reveal())
        return oss2.Bucket(auth, self.config.oss_endpoint(), name, connect_timeout=10)

    def _sdk_config(self, endpoint: str) -> Any:
        from alibabacloud_tea_openapi.models import Config

        return Config(
            access_key_id=self._key.access_key_id,
            access_key_secret=self._key.access_key_secret.reveal(),
            endpoint=endpoint,
            region_id=self.config.region,
            connect_timeout=5_000,
            read_timeout=15_000,
        )


def load_entrance_clients() -> None:
    """Import what `infra.ensure.ensure_entrance` will use, at a moment when its third of a second costs nothing."""
    for package in ("ims20190815", "ram20150501"):
        import_module(f"alibabacloud_{package}.client")


def missing(error: Exception) -> bool:
    """Tell whether an SDK error says that the resource is not there (`EntityNotExist.X`, `EntityNotExists.X`)."""
    return str(getattr(error, "code", "")).startswith(("EntityNotExist.", "EntityNotExists."))
