"""Effects of events, and the mail that follows from them."""

from alembic import op

revision = "0003"
down_revision = "0002"

UP = """
create table effect (
    tenant_id uuid not null,
    position bigint not null,
    number integer not null,
    kind text not null,
    recipient text not null check (recipient in ('candidate', 'recruiter')),
    account_id uuid not null,
    application_id uuid not null,
    job_id uuid not null,
    candidate_id uuid not null,
    created_at timestamptz not null,
    read_at timestamptz,
    mail_id uuid not null,
    mail_status text not null default 'queued'
        check (mail_status in ('queued', 'sending', 'retrying', 'sent', 'given_up', 'switched_off')),
    mail_attempts integer not null default 0,
    mail_due_at timestamptz default now(),
    mail_reason text,
    mail_done_at timestamptz,
    primary key (tenant_id, position, number)
);
create index effect_of_account on effect (account_id, created_at, mail_id);
create index effect_due on effect (mail_due_at) where mail_due_at is not null;
create index effect_given_up on effect (mail_done_at) where mail_status = 'given_up';

create table account_mail (
    mail_id uuid primary key default gen_random_uuid(),
    kind text not null,
    account_id uuid,
    email text not null,
    parameters jsonb,
    created_at timestamptz not null default now(),
    mail_status text not null default 'queued'
        check (mail_status in ('queued', 'sending', 'retrying', 'sent', 'given_up', 'switched_off')),
    mail_attempts integer not null default 0,
    mail_due_at timestamptz default now(),
    mail_reason text,
    mail_done_at timestamptz
);
create index account_mail_of_account on account_mail (account_id);
create index account_mail_due on account_mail (mail_due_at) where mail_due_at is not null;
create index account_mail_given_up on account_mail (mail_done_at) where mail_status = 'given_up';

create table mail_pace (
    only_row boolean primary key default true check (only_row),
    next_at timestamptz not null default now(),
    held_until timestamptz not null default now(),
    held_reason text,
    sent bigint not null default 0
);
insert into mail_pace default values;

insert into projection (name, version, build) values ('effects', 1, 1);
insert into projection_checkpoint (name, build, tenant_id, position)
select 'effects', 1, tenant_id, position from log_head;
"""

DOWN = """
delete from projection_checkpoint where name = 'effects';
delete from projection where name = 'effects';
drop table mail_pace, account_mail, effect;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
