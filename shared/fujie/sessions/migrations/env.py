"""Alembic's entry: runs in the transaction that `fujie.sessions.migrate` holds open."""

from alembic import context

from fujie.sessions.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
