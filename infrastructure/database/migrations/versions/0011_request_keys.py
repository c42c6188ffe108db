"""With which request an Idempotency-Key came first, where the events that it wrote do not tell."""

from alembic import op

revision = "0011"
down_revision = "0010"

UP = """
create table request_key (
    account_id uuid not null references account on delete cascade,
    key_hash bytea not null,
    request_hash bytea not null,
    created_at timestamptz not null default now(),
    primary key (account_id, key_hash)
);

alter table request_key enable row level security;
create policy api_account on request_key to hirelog_api
    using (account_id = (select nullif(current_setting('hirelog.account', true), '')::uuid));
grant select, insert on request_key to hirelog_api;
"""

DOWN = """
drop table request_key;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
