"""What an emulated account holds."""

from collections.abc import Mapping

UNIMPORTANT: Mapping[tuple[str, str], str] = {
    ("sts", "key"): "temporary keys that functions were given; they end by themselves",
    ("oss", "blob"): "what objects are made of, kept once however many have it",
}


def documents(cloud):
    """Return every document that a service keeps, without the default vault, which appears when first looked for."""
    store = cloud.cloud.store
    kinds = [(service, kind) for service, of_it in store.counts().items() for kind in of_it]
    kept = {(*each, key): doc for each in kinds if each not in UNIMPORTANT for key, doc in store.list(*each)}
    return {row: doc for row, doc in kept.items() if row != ("agentidentity", "TokenVault", "default")}


def inventory(cloud):
    """Return the names of those documents: (service, kind, key)."""
    return set(documents(cloud))


def changes(before, after):
    """Return which of two moments' documents came, went, or are not what they were: (service, kind, key)."""
    return {row for row in before | after if before.get(row) != after.get(row)}
