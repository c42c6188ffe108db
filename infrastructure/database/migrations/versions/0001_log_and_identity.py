"""The log, the checkpoints of its readers, and the small tables that can forget."""

from alembic import op

revision = "0001"
down_revision = None

UP = """
create table log_head (
    tenant_id uuid primary key,
    position bigint not null
);

create table event (
    tenant_id uuid not null,
    position bigint not null,
    stream_id uuid not null,
    version bigint not null,
    type text not null,
    data bytea not null,
    actor_id uuid,
    command_id uuid not null,
    recorded_at timestamptz not null,
    primary key (tenant_id, position),
    unique (tenant_id, stream_id, version)
);

create function json_or_null(data bytea) returns jsonb language plpgsql immutable parallel safe as $$
begin
    return convert_from(data, 'UTF8')::jsonb;
exception when others then
    return null;
end $$;

create view event_log as
select tenant_id, position, recorded_at, type, stream_id, version, json_or_null(data) as data, actor_id, command_id
from event;

create table snapshot (
    tenant_id uuid not null,
    stream_id uuid not null,
    version bigint not null,
    type text not null,
    data bytea not null,
    primary key (tenant_id, stream_id, version)
);

create table tracking (
    tenant_id uuid not null,
    tracker text not null,
    position bigint not null,
    primary key (tenant_id, tracker)
);

create table projection (
    name text primary key,
    version integer not null,
    build bigint not null,
    changed_at timestamptz not null default now()
);

create table projection_checkpoint (
    name text not null,
    build bigint not null,
    tenant_id uuid not null,
    position bigint not null default 0,
    parked_position bigint,
    parked_error text,
    parked_at timestamptz,
    primary key (tenant_id, name, build)
);
create index on projection_checkpoint (name, build);

create table company (
    company_id uuid primary key,
    name text not null,
    founder_id uuid not null,
    created_at timestamptz not null default now()
);

create table account (
    account_id uuid primary key,
    email text not null,
    name text not null,
    password_hash text not null,
    company_id uuid references company,
    created_at timestamptz not null default now()
);
create unique index account_email on account (lower(email));

create table personal_text (
    tenant_id uuid not null,
    text_id uuid not null,
    subject_id uuid not null,
    content jsonb not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, text_id)
);
create index on personal_text (subject_id);
"""

DOWN = """
drop table personal_text, account, company, projection_checkpoint, projection, tracking, snapshot;
drop view event_log;
drop function json_or_null;
drop table event, log_head;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
