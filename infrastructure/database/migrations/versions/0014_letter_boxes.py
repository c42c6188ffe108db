"""Which addresses are one letter box: those that differ in ASCII capitals only, in PostgreSQL as in Python."""

from alembic import op

revision = "0014"
down_revision = "0013"

_COUNT = """
create or replace function account_mail_of_last_hour(kind text, address text) returns bigint
language sql volatile security definer
begin atomic
    select pg_advisory_xact_lock(hashtextextended(kind || ' ' || {key}(address), 0));
    select count(*) from account_mail as mail
    where {key}(mail.email) = {key}(account_mail_of_last_hour.address)
          and mail.kind = account_mail_of_last_hour.kind
          and mail.created_at > now() - interval '1 hour' and mail.mail_status <> 'switched_off';
end;
"""

_INDEXES = """
drop index account_email, invitation_open, account_mail_to_address;
create unique index account_email on account ({key}(email));
create unique index invitation_open on invitation (tenant_id, {key}(email))
where accepted_at is null and revoked_at is null;
create index account_mail_to_address on account_mail ({key}(email), kind, created_at)
where mail_status <> 'switched_off';
"""

# The collation's own `lower` depends on the locale, and takes a dotted capital I for an i. That of "C" knows ASCII only.
UP = (
    """
create function letter_box(email text) returns text
language sql immutable strict parallel safe return lower(email collate "C");
"""
    + _INDEXES.format(key="letter_box")
    + _COUNT.format(key="letter_box")
)

DOWN = _INDEXES.format(key="lower") + _COUNT.format(key="lower") + "drop function letter_box(text);"


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
