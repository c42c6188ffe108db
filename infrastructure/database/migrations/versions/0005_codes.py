"""One-use codes and invitations."""

from alembic import op

revision = "0005"
down_revision = "0004"

UP = """
create table one_use_code (
    code_hash bytea primary key,
    kind text not null check (kind in ('password_reset', 'email_confirmation')),
    account_id uuid not null references account on delete cascade,
    email text not null,
    issued_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index on one_use_code (account_id, kind, issued_at);

create table invitation (
    tenant_id uuid not null references company,
    invitation_id uuid not null,
    email text not null,
    role text not null check (role in ('recruiter', 'hiring_manager', 'auditor', 'admin')),
    code_hash bytea not null,
    command_id uuid not null,
    inviter_id uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    attempts integer not null default 0,
    accepted_at timestamptz,
    accepted_by uuid,
    revoked_at timestamptz,
    primary key (tenant_id, invitation_id)
);
create unique index invitation_open on invitation (tenant_id, lower(email))
where accepted_at is null and revoked_at is null;
create unique index on invitation (tenant_id, command_id);
create index on invitation (tenant_id, accepted_by);
create index on invitation (tenant_id, created_at);
"""

DOWN = """
drop table invitation, one_use_code;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
