"""Alembic's entry: migrations run on the connection that `infrastructure.database.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="schema_migration", transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
