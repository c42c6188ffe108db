"""How many mails of a kind an address was to get in the last hour, for whoever may queue mail but not read it."""

from alembic import op

revision = "0010"
down_revision = "0009"

UP = """
create index account_mail_to_address on account_mail (lower(email), kind, created_at)
where mail_status <> 'switched_off';

-- Whoever else counts the same waits until the caller's transaction has ended; the second statement sees what it has added.
create function account_mail_of_last_hour(kind text, address text) returns bigint
language sql volatile security definer
begin atomic
    select pg_advisory_xact_lock(hashtextextended(kind || ' ' || lower(address), 0));
    select count(*) from account_mail as mail
    where lower(mail.email) = lower(account_mail_of_last_hour.address)
          and mail.kind = account_mail_of_last_hour.kind
          and mail.created_at > now() - interval '1 hour' and mail.mail_status <> 'switched_off';
end;

revoke all on function account_mail_of_last_hour from public;
grant execute on function account_mail_of_last_hour to hirelog_api;
"""

DOWN = """
drop function account_mail_of_last_hour;
drop index account_mail_to_address;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
