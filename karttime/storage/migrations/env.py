"""Run by Alembic: the steps go through the connection, and the transaction, of whoever called."""

from alembic import context

from karttime.storage.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
