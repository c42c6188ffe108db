"""Row-level security, the second wall between tenants: what the API's role sees, whatever a query forgets to ask."""

from alembic import op
from sqlalchemy.exc import DBAPIError

from infrastructure.operator_error import OperatorError

revision = "0009"
down_revision = "0008"

# Roles are per cluster, so another database's migration may have made it, or make it now.
ROLE = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'hirelog_api') then
        create role hirelog_api login nosuperuser nobypassrls nocreatedb nocreaterole noreplication;
    end if;
exception when duplicate_object or unique_violation then
    null;
end $$;

do $$ declare
    may_become text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
    if not pg_has_role(current_user, 'hirelog_api', may_become) then
        execute format('grant hirelog_api to %I', current_user);
    end if;
    if exists (select from pg_roles where rolname = 'hirelog_api' and (rolsuper or rolbypassrls)) then
        raise exception 'the role hirelog_api may bypass row-level security';
    end if;
end $$;
"""

UP = """
do $$ begin
    execute format('grant usage on schema %I to hirelog_api', current_schema());
end $$;

-- How the readers of all logs stand, and mail: sums, which say nothing about one tenant.
create view projection_standing as
select projection.name, projection.version, projection.build, projection.changed_at,
       (select count(*) from log_head) as tenants,
       (select count(*) from projection_checkpoint as parked
        where parked.name = projection.name and parked.build = projection.build
              and parked.parked_position is not null) as tenants_parked,
       lag.tenants_behind, lag.events_behind, lag.lag_seconds
from projection
cross join lateral (
    select count(*) as tenants_behind,
           coalesce(sum(head.position - coalesce(checkpoint.position, 0)), 0)::bigint as events_behind,
           coalesce(extract(epoch from now() - min(oldest.recorded_at)), 0)::float8 as lag_seconds
    from log_head as head
    left join projection_checkpoint as checkpoint on checkpoint.tenant_id = head.tenant_id
         and checkpoint.name = projection.name and checkpoint.build = projection.build
    left join event as oldest on oldest.tenant_id = head.tenant_id
         and oldest.position = coalesce(checkpoint.position, 0) + 1
    where checkpoint.parked_position is null and head.position > coalesce(checkpoint.position, 0)
) as lag;

create view mail_standing as
select count(*) as waiting, coalesce(extract(epoch from now() - min(mail_due_at)), 0)::float8 as lag_seconds,
       (select count(*) from effect where mail_status = 'given_up')
       + (select count(*) from account_mail where mail_status = 'given_up') as given_up,
       (select sent from mail_pace), (select held_reason from mail_pace)
from (select mail_due_at from effect where mail_due_at is not null
      union all select mail_due_at from account_mail where mail_due_at is not null) as queue;

alter table event enable row level security;
alter table log_head enable row level security;
alter table snapshot enable row level security;
alter table tracking enable row level security;
alter table projection_checkpoint enable row level security;
alter table personal_text enable row level security;
alter table effect enable row level security;
alter table invitation enable row level security;
alter table resume enable row level security;

-- The settings are read once per statement, in a sub-select; where they are unset or empty there is no row. Setting up a
-- sub-select costs an append more than reading them for its one row of log_head and its few new events.
create policy api_tenant on event for select to hirelog_api
    using (tenant_id = any((select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[]));
create policy api_adds on event for insert to hirelog_api
    with check (tenant_id = any(nullif(current_setting('hirelog.tenants', true), '')::uuid[]));
create policy api_tenant on log_head to hirelog_api
    using (tenant_id = any(nullif(current_setting('hirelog.tenants', true), '')::uuid[]));
create policy api_tenant on projection_checkpoint to hirelog_api
    using (tenant_id = any((select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[]));
create policy api_tenant on invitation to hirelog_api
    using (tenant_id = any((select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[]));
create policy api_tenant on personal_text to hirelog_api
    using (tenant_id = any((select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[])
           or subject_id = (select nullif(current_setting('hirelog.account', true), '')::uuid));
create policy api_tenant on effect to hirelog_api
    using (tenant_id = any((select nullif(current_setting('hirelog.tenants', true), '')::uuid[])::uuid[])
           or account_id = (select nullif(current_setting('hirelog.account', true), '')::uuid));
create policy api_account on resume to hirelog_api
    using (owner_id = (select nullif(current_setting('hirelog.account', true), '')::uuid));

-- The API only adds to a log; it writes no read model, reads no queued mail (one-use codes are in it), and has no business
-- with what belongs to the eventsourcing library alone (snapshot, tracking).
grant select, insert on event to hirelog_api;
grant select, insert, update on log_head to hirelog_api;
grant select on projection, projection_checkpoint, projection_standing, mail_standing to hirelog_api;
grant select, insert, delete on personal_text to hirelog_api;
grant select, update (read_at) on effect to hirelog_api;
grant select, insert, update, delete on invitation to hirelog_api;
grant select, insert, delete on resume to hirelog_api;

-- Who somebody is comes before which tenant they belong to: no wall stands here.
grant select, insert, update on account, company to hirelog_api;
grant select, insert, update, delete on session, refresh_token, revocation, signing_key, one_use_code,
    notification_preference to hirelog_api;
grant insert on account_mail to hirelog_api;
grant select, insert, update, delete on unowned_blob to hirelog_api;
grant select on skill, skill_import, search_word, schema_migration to hirelog_api;
"""

DOWN = """
do $$ begin
    execute format('revoke all on all tables in schema %I from hirelog_api', current_schema());
    execute format('revoke all on schema %I from hirelog_api', current_schema());
end $$;
drop policy api_account on resume;
drop policy api_tenant on effect;
drop policy api_tenant on personal_text;
drop policy api_tenant on invitation;
drop policy api_tenant on projection_checkpoint;
drop policy api_tenant on log_head;
drop policy api_adds on event;
drop policy api_tenant on event;
alter table resume disable row level security;
alter table invitation disable row level security;
alter table effect disable row level security;
alter table personal_text disable row level security;
alter table projection_checkpoint disable row level security;
alter table tracking disable row level security;
alter table snapshot disable row level security;
alter table log_head disable row level security;
alter table event disable row level security;
drop view mail_standing, projection_standing;
"""


def upgrade() -> None:
    try:
        op.execute(ROLE)
    except DBAPIError as error:
        raise OperatorError(
            f"the API's database role could not be made ({str(error.orig).splitlines()[0]}): let an administrator run"
            " `create role hirelog_api login nosuperuser nobypassrls` and grant hirelog_api to the user that migrates"
        ) from error
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
