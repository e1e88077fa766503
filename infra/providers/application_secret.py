"""The secret of a sign-in application. The cloud shows it once, when it is made, so the stack's state keeps it."""

from typing import Any

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource

from infra.providers.checks import filled
from infra.providers.clients import CloudClients, absent
from infra.providers.dynamic import CloudProvider, told

MOST_SECRETS = 2
"""Of one application, so that one can be exchanged for another while it is in use."""


class ApplicationSecretProvider(CloudProvider):
    """Makes a secret once for each generation, and takes the old one away after the new one is in use."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [CheckFailure(name, reason) for name, reason in filled(news, "app_id")])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [name for name in ("app_id", "generation") if _olds.get(name) != _news.get(name)]
        return DiffResult(bool(replaces), replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make one, and take away what an interrupted create left, whose value nobody saw.

        Before the first generation every secret is such a one; before another, the newer of two.
        """
        from alibabacloud_ims20190815 import models

        ims, app_id = self.clients.ims, props["app_id"]
        with told(f"secret of application {app_id}"):
            there = sorted(_listed(self.clients, app_id), key=lambda each: each[1])
            for secret_id, _ in there if props["generation"] == 1 else there[MOST_SECRETS - 1 :]:
                ims.delete_app_secret(models.DeleteAppSecretRequest(app_id=app_id, app_secret_id=secret_id))
            made = ims.create_app_secret(models.CreateAppSecretRequest(app_id=app_id)).body.app_secret
        wanted = {"app_id": app_id, "generation": props["generation"]}
        return CreateResult(made.app_secret_id, {**wanted, "value": made.app_secret_value})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        there = [secret_id for secret_id, _ in _listed(self.clients, props["app_id"])]
        kept = {name: props[name] for name in ("app_id", "generation", "value")}
        return ReadResult(id_, kept) if id_ in there else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        from alibabacloud_ims20190815 import models

        with told(f"secret of application {_props['app_id']}"), absent():
            self.clients.ims.delete_app_secret(
                models.DeleteAppSecretRequest(app_id=_props["app_id"], app_secret_id=_id)
            )


class OAuthApplicationSecret(Resource, module="fujie", name="OAuthApplicationSecret"):
    """One secret of an application; another generation is another secret."""

    value: Output[str]

    def __init__(
        self, name: str, app_id: Input[str], generation: Input[int], opts: ResourceOptions | None = None
    ) -> None:
        props = {"app_id": app_id, "generation": generation, "value": None}
        hidden = ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(ApplicationSecretProvider(), name, props, ResourceOptions.merge(opts, hidden))


def _listed(clients: CloudClients, app_id: str) -> list[tuple[str, str]]:
    """Return id and date of the application's secrets; none when it is gone."""
    from alibabacloud_ims20190815 import models

    with absent() as found:
        found.value = clients.ims.list_app_secret_ids(models.ListAppSecretIdsRequest(app_id=app_id)).body.app_secrets
    if found.value is None:
        return []
    return [(each.app_secret_id, each.create_date) for each in found.value.app_secret or ()]
