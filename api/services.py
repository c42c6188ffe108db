"""The composition root of an API process: everything that handlers use, made once and closed in order."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from api.charts.renderer import ChartRenderer
from api.readiness import Readings
from api.throttle import AnyConnection, Throttle
from application.handle import CommandHandler
from infrastructure.database.connection_pools import api_pool
from infrastructure.database.tenant_walls import Database, api_database_url
from infrastructure.event_store import EventStore
from infrastructure.identity.access_tokens import Tokens
from infrastructure.identity.accounts import CompanyNames
from infrastructure.identity.memberships import Memberships
from infrastructure.identity.password_resets import PasswordResets
from infrastructure.identity.passwords import Passwords
from infrastructure.identity.rate_limits import RateLimits
from infrastructure.identity.revocations import Revocations
from infrastructure.identity.session_tokens import SessionTokens
from infrastructure.identity.signing_keys import KeyRing
from infrastructure.mail.wake import MailWake
from infrastructure.read_models.broker import WakeUps
from infrastructure.resumes.blob_sweep import BlobSweep
from infrastructure.resumes.blobs import Blobs, open_blobs
from infrastructure.resumes.reader import ResumeReader
from infrastructure.screening.vocabulary import CurrentVocabulary
from infrastructure.settings import Settings
from projections.menu import FOLLOWERS


class Services(msgspec.Struct, frozen=True):
    """What handlers use."""

    settings: Settings
    throttle: Throttle
    store: EventStore
    commands: CommandHandler
    database: Database
    tokens: Tokens
    revocations: Revocations
    session_tokens: SessionTokens
    passwords: Passwords
    password_resets: PasswordResets
    memberships: Memberships
    company_names: CompanyNames
    charts: ChartRenderer
    mail: MailWake
    vocabulary: CurrentVocabulary
    resumes: ResumeReader
    blobs: Blobs
    readings: Readings


@asynccontextmanager
async def services(settings: Settings) -> AsyncGenerator[Services]:
    """Open what an API process needs. Raises `ValueError` when a database, Redis or key is not set, `SettingsError` when
    a key is no good."""
    if settings.database_url is None or settings.redis_url is None or settings.secret_key is None:
        raise ValueError("DATABASE_URL, REDIS_URL and SECRET_KEY are needed")
    database_url, redis_url, secret_key = api_database_url(settings), settings.redis_url, settings.secret_key
    settings = replace(settings, database_url=database_url)
    async with AsyncExitStack() as stack:
        wake_ups = await stack.enter_async_context(WakeUps(settings, [model.name for model in FOLLOWERS]))
        mail = await stack.enter_async_context(MailWake(settings))
        store = await stack.enter_async_context(
            EventStore(
                database_url,
                queue_limit=settings.append_queue_limit,
                batch_limit=settings.append_batch_limit,
                committed=wake_ups.committed,
                walled=True,
            )
        )
        pool = api_pool(database_url, settings.database_pool_size)
        await pool.open()
        stack.push_async_callback(pool.close)
        database = Database(pool)
        await database.warn_without_walls()
        passwords = Passwords(secret_key, settings.bcrypt_cost)
        stack.callback(passwords.close)
        lifetime = timedelta(minutes=settings.access_token_expire_minutes)
        keys = _keys(settings, secret_key)
        revocations = await stack.enter_async_context(Revocations(database_url, keys, lifetime))
        password_resets = await stack.enter_async_context(PasswordResets(database, mail.wake))
        vocabulary = await stack.enter_async_context(CurrentVocabulary(database))
        commands = CommandHandler(store, vocabulary=vocabulary.current)
        limits = RateLimits(redis_url, enabled=settings.rate_limits == "on")
        await stack.enter_async_context(limits)
        charts = await stack.enter_async_context(ChartRenderer())
        resumes = await stack.enter_async_context(ResumeReader())
        blobs = open_blobs(settings)
        await stack.enter_async_context(BlobSweep(database, blobs))
        readings = Readings(database, wake_ups, database_url)
        stack.push_async_callback(readings.aclose)
        yield Services(
            settings=settings,
            throttle=Throttle(settings, limits),
            store=store,
            commands=commands,
            database=database,
            tokens=Tokens(keys, revocations, int(lifetime.total_seconds())),
            revocations=revocations,
            session_tokens=_session_tokens(settings, secret_key),
            passwords=passwords,
            password_resets=password_resets,
            memberships=Memberships(store, commands, database),
            company_names=CompanyNames(database),
            charts=charts,
            mail=mail,
            vocabulary=vocabulary,
            resumes=resumes,
            blobs=blobs,
            readings=readings,
        )


def _keys(settings: Settings, secret_key: str) -> KeyRing:
    return KeyRing(secret_key, Path(settings.token_key_file) if settings.token_key_file else None)


def _session_tokens(settings: Settings, secret_key: str) -> SessionTokens:
    return SessionTokens(
        secret_key,
        idle=timedelta(days=settings.session_idle_days),
        longest=timedelta(days=settings.session_longest_days),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
    )


def services_of(request: AnyConnection) -> Services:
    """The services of the application that answers; a handler's `state` parameter would be copied and checked at each request."""
    services: Services = request.app.state.services
    return services
