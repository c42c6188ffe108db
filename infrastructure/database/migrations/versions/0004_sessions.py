"""Sessions, refresh tokens and what ends them."""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
alter table account add column disabled_at timestamptz;

create table session (
    session_id uuid primary key,
    account_id uuid not null references account on delete cascade,
    client text not null default '',
    created_at timestamptz not null default clock_timestamp(),
    refreshed_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_reason text
);
create index on session (account_id, created_at, session_id);

create table refresh_token (
    token_hash bytea primary key,
    session_id uuid not null references session on delete cascade,
    issued_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    spent_at timestamptz,
    successor_salt bytea
);
create index on refresh_token (session_id);

create table revocation (
    subject_id uuid not null,
    revoked_at timestamptz not null default clock_timestamp()
);
create index on revocation (revoked_at);

create table signing_key (
    key_id text primary key,
    salt bytea not null,
    signs_from timestamptz not null default clock_timestamp()
);
insert into signing_key (key_id, salt)
select left(replace(gen_random_uuid()::text, '-', ''), 16),
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
"""

DOWN = """
drop table signing_key, revocation, refresh_token, session;
alter table account drop column disabled_at;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
