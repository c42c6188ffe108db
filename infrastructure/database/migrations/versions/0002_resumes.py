"""Resume files' rows, and the operator's own skill vocabulary."""

from alembic import op

revision = "0002"
down_revision = "0001"

UP = """
create table resume (
    resume_id uuid primary key,
    owner_id uuid not null,
    blob_name text not null,
    filename text not null,
    media_type text not null,
    size bigint not null,
    sha256 text not null,
    text_found boolean not null,
    skills text[] not null,
    experience_years integer,
    request_key bytea,
    request_hash bytea,
    created_at timestamptz not null default now()
);
create index on resume (owner_id, created_at);
create unique index resume_request on resume (owner_id, request_key);

create table unowned_blob (
    name text primary key,
    remove_after timestamptz not null
);
create index on unowned_blob (remove_after);

create table skill (
    name text primary key,
    aliases text[] not null
);

create table skill_import (
    sole boolean primary key default true check (sole),
    generation bigint not null
);
insert into skill_import (generation) values (0);
"""

DOWN = """
drop table skill_import, skill, unowned_blob, resume;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
