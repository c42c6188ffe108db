"""What a mail or a notification says, read at the moment when it is said: an effect names people and jobs by id only."""

from datetime import datetime
from typing import Any, Final, LiteralString, TypeAlias, assert_never
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from application.commands import membership_id
from application.effects import AccountKind, Kind
from infrastructure.mail.links import MailLinks

Context: TypeAlias = dict[str, str]

_DETAILS: Final[LiteralString] = """
select effect.tenant_id, effect.kind, effect.account_id, effect.application_id, effect.job_id, effect.created_at,
       effect.read_at, effect.mail_id, recipient.name, recipient.email, candidate.name as candidate_name,
       coalesce(company.name, '') as company_name, coalesce(job.title, '') as job_title,
       coalesce(decision.to_stage, '') as stage, coalesce(reason.text, '') as reason
from ({effects}) as effect
cross join lateral (select name, email from account where account_id = effect.account_id limit 1) as recipient
cross join lateral (select name from account where account_id = effect.candidate_id limit 1) as candidate
left join lateral (select name from company where company_id = effect.tenant_id limit 1) as company on true
left join lateral (
    select data ->> 'to_stage' as to_stage, (data ->> 'reason_text_id')::uuid as reason_text_id
    from (select json_or_null(data) as data from event
          where tenant_id = effect.tenant_id and position = effect.position limit 1) as recorded
) as decision on true
left join lateral (
    select json_or_null(data) #>> array['posting', 'title'] as title from event
    where tenant_id = effect.tenant_id and stream_id = effect.job_id and type in ('JobCreated', 'PostingEdited')
    order by version desc limit 1
) as job on true
left join lateral (
    select content ->> 'reason' as text from personal_text
    where tenant_id = effect.tenant_id and text_id = decision.reason_text_id and effect.kind = 'application_rejected' limit 1
) as reason on true
"""


def with_details(effects: LiteralString) -> LiteralString:
    """The statement that adds to `effects`, in their order, the names and texts of an `EffectDetails`; it leaves out those for or about
    a person who was erased.

    Names and texts are looked up for one effect after the other, each time by their key (the `limit`s keep it so). When they were
    joined, PostgreSQL read all texts of the company for each effect: behind a wall it uses no index for what comes out of an event.
    """
    return _DETAILS.format(effects=effects)


FOR_STAFF: Final[tuple[Kind, ...]] = ("new_application", "application_withdrawn")
"""The kinds that tell one company's member about another person: they end with the membership."""

_ONE: Final[LiteralString] = """
select * from effect where tenant_id = %(tenant_id)s and position = %(position)s and number = %(number)s limit 1
"""
_MAIL: Final[LiteralString] = f"""
select details.*, coalesce(preference.mail, true) as wanted,
       details.kind <> all(%(for_staff)s) or coalesce(member.type <> 'MemberLeft', false) as concerned
from ({with_details(_ONE)}) as details
left join notification_preference as preference
     on preference.account_id = details.account_id and preference.kind = details.kind
left join lateral (
    select type from event
    where tenant_id = %(tenant_id)s and stream_id = %(memberships)s and details.kind = any(%(for_staff)s)
          and position(convert_to(details.account_id::text, 'UTF8') in data) > 0
          and json_or_null(data) ->> 'account_id' = details.account_id::text
    order by version desc limit 1
) as member on true
"""
"""Of a company's membership events, only those that mention the recipient are parsed; PostgreSQL tests first what costs less."""


class EffectDetails(msgspec.Struct, frozen=True, kw_only=True):
    """An effect, and the names and texts that its mail or notification shows. `stage` is the one that the event led to, `reason` that of a rejection; both may be
    empty. `name` and `email` are the recipient's."""

    tenant_id: UUID
    kind: Kind
    account_id: UUID
    application_id: UUID
    job_id: UUID
    created_at: datetime
    read_at: datetime | None
    mail_id: UUID
    name: str
    email: str
    candidate_name: str
    company_name: str
    job_title: str
    stage: str
    reason: str

    def context(self, links: MailLinks) -> Context:
        """What its template takes."""
        context = {
            "name": self.name,
            "job_title": self.job_title,
            "company_name": self.company_name,
            "url": links.application(self.application_id),
            "unsubscribe_url": links.unsubscribe(self.account_id, self.kind),
        }
        match self.kind:
            case "application_received" | "application_moved" | "qualified":
                return context
            case "stage_changed" | "application_reinstated":
                return context | {"stage": self.stage}
            case "application_rejected":
                return context | {"reason": self.reason}
            case "new_application" | "application_withdrawn":
                return context | {"candidate_name": self.candidate_name}
            case _:
                assert_never(self.kind)


class _MailDetails(EffectDetails, frozen=True, kw_only=True):
    wanted: bool
    concerned: bool


class EffectMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that can be rendered and sent; not `wanted` when its recipient switched this kind off."""

    kind: Kind
    name: str
    email: str
    wanted: bool
    context: Context


def effect_mail(
    connection: Connection[Any], tenant_id: UUID, position: int, number: int, links: MailLinks
) -> EffectMail | None:
    """The mail of an effect, or None when nobody may be told any more: somebody whom it is for or about was erased, or the
    recruiter has left the company."""
    parameters = {
        "tenant_id": tenant_id,
        "position": position,
        "number": number,
        "memberships": membership_id(tenant_id),
        "for_staff": list(FOR_STAFF),
    }
    with connection.cursor(row_factory=class_row(_MailDetails)) as cursor:
        details = cursor.execute(_MAIL, parameters).fetchone()
    if details is None or not details.concerned:
        return None
    return EffectMail(
        kind=details.kind,
        name=details.name,
        email=details.email,
        wanted=details.wanted,
        context=details.context(links),
    )


def of_account(kind: AccountKind, parameters: Context, links: MailLinks) -> Context:
    """What the template of an account mail takes: its parameters, and where its button leads."""
    match kind:
        case "welcome":
            return parameters | {"url": links.home}
        case "invitation":
            role = parameters["role"].replace("_", " ")
            return parameters | {"role": role, "url": links.invitation(parameters["code"])}
        case "password_reset":
            return parameters | {"url": links.password_reset(parameters["code"])}
        case "email_confirmation":
            return parameters | {"url": links.email_confirmation(parameters["code"])}
        case "password_changed" | "sessions_ended" | "already_registered":
            return parameters | {"url": links.password_reset()}
        case "email_changed":
            return parameters
        case _:
            assert_never(kind)
