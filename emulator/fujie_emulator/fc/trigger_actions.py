"""Triggers and custom domains on the wire."""

from typing import Any

from fujie_emulator.fc import certificates, domains, triggers
from fujie_emulator.fc.asked import Asked


def create_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"), str(asked.body.get("triggerName", "")))
    asked.authorize_role("invocationRole")
    return triggers.create(asked.cloud, asked.named("function"), asked.body)


def get_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"), asked.named("trigger"))
    kept = triggers.kept(asked.cloud, asked.named("function"), asked.named("trigger"))
    return triggers.shown(asked.cloud, asked.named("function"), kept)


def update_trigger(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"), asked.named("trigger"))
    asked.authorize_role("invocationRole")
    return triggers.update(asked.cloud, asked.named("function"), asked.named("trigger"), asked.body)


def delete_trigger(asked: Asked) -> None:
    asked.authorize(asked.named("function"), asked.named("trigger"))
    triggers.delete(asked.cloud, asked.named("function"), asked.named("trigger"))


def list_triggers(asked: Asked) -> dict[str, Any]:
    asked.authorize(asked.named("function"), "*")
    found = triggers.listed(asked.cloud, asked.named("function"), asked.query("prefix"))
    return asked.page("triggers", found, "triggerName")


def create_custom_domain(asked: Asked) -> dict[str, Any]:
    asked.authorize_domain(str(asked.body.get("domainName", "")))
    made = domains.create(asked.cloud, asked.body)
    certificates.listen_if_needed(asked.cloud)
    return made


def get_custom_domain(asked: Asked) -> dict[str, Any]:
    asked.authorize_domain(asked.named("domain"))
    return domains.shown(asked.cloud, domains.kept(asked.cloud, asked.named("domain")))


def update_custom_domain(asked: Asked) -> dict[str, Any]:
    asked.authorize_domain(asked.named("domain"))
    changed = domains.update(asked.cloud, asked.named("domain"), asked.body)
    certificates.listen_if_needed(asked.cloud)
    return changed


def delete_custom_domain(asked: Asked) -> None:
    asked.authorize_domain(asked.named("domain"))
    domains.delete(asked.cloud, asked.named("domain"))


def list_custom_domains(asked: Asked) -> dict[str, Any]:
    asked.authorize_domain("*")
    return asked.page("customDomains", domains.listed(asked.cloud, asked.query("prefix")), "domainName")
