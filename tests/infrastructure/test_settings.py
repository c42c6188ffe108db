"""Settings: where values come from, what is refused, and what is never shown."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import settings as example_count
from hypothesis import strategies as st

from infrastructure import settings
from infrastructure.secret_key import with_secret_key
from infrastructure.server_urls import hide_password
from infrastructure.settings import Settings, SettingsError

KEY = "k" * 32


def test_defaults_need_no_environment() -> None:
    assert settings.load({}) == Settings(home=Path(".hirelog").absolute())


def test_every_field_has_a_variable() -> None:
    loaded = settings.load({"HIRELOG_PORT": "9000", "DATABASE_URL": "postgresql://db/x", "SECRET_KEY": KEY})
    assert (loaded.port, loaded.database_url, loaded.secret_key) == (9000, "postgresql://db/x", KEY)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HIRELOG_PORT=9000\nHIRELOG_HOST=0.0.0.0 # all\n")
    loaded = settings.load({"HIRELOG_PORT": "9001"}, file)
    assert (loaded.port, loaded.host) == (9001, "0.0.0.0")  # noqa: S104 - a value, nothing listens


def test_the_file_takes_quotes_comments_and_export(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nexport A='one # two'\nB=\"x=y\"  # why\nC = plain\nOTHER=\n")
    assert settings.read_env_file(file) == {"A": "one # two", "B": "x=y", "C": "plain", "OTHER": ""}


def test_the_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HIRELOG_PORT=9000\n", encoding="utf-8-sig")
    assert settings.read_env_file(file) == {"HIRELOG_PORT": "9000"}


def test_an_empty_variable_is_unset() -> None:
    assert settings.load({"DATABASE_URL": "", "HIRELOG_PORT": ""}) == settings.load({})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"HIRELOG_PORT": "80a"}, "HIRELOG_PORT '80a': expected a whole number"),
        ({"HIRELOG_PORT": "70000"}, "HIRELOG_PORT '70000': expected a whole number <= 65535"),
        ({"HIRELOG_MAIL_PER_SECOND": "inf"}, "HIRELOG_MAIL_PER_SECOND 'inf': expected a number <= 100000.0"),
        ({"HIRELOG_SWEEP_SECONDS": "nan"}, "HIRELOG_SWEEP_SECONDS 'nan': expected a number >= 0.01"),
        (
            {"ACCESS_TOKEN_EXPIRE_MINUTES": "99999999999999"},
            "ACCESS_TOKEN_EXPIRE_MINUTES '99999999999999': expected a whole number <= 5256000",
        ),
        ({"HIRELOG_HOME": "~nobody at all"}, "HIRELOG_HOME: Could not determine home directory."),
        ({"HIRELOG_LOG_FORMAT": "xml"}, "HIRELOG_LOG_FORMAT 'xml': invalid enum value 'xml'"),
        ({"HIRELOG_PROT": "8000"}, "unknown setting HIRELOG_PROT: is HIRELOG_PORT meant?"),
        (
            {"HIRELOG_PUBLIC_URL": "jobs.example.com"},
            "HIRELOG_PUBLIC_URL must be an http:// or https:// address without user, query and fragment",
        ),
        ({"SECRET_KEY": "short"}, "SECRET_KEY needs at least 32 bytes"),
        (
            {"DATABASE_URL": "postgresql:///x"},
            "DATABASE_URL is set, so SECRET_KEY (32 bytes or more) must be set too",
        ),
    ],
)
def test_a_wrong_value_is_one_clear_line(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load(environ)
    assert str(refused.value) == message


@pytest.mark.parametrize("line", ["no equals sign", "1A=x", "A='open"])
def test_a_wrong_line_in_the_file_names_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# first\n{line}\n")
    with pytest.raises(SettingsError, match="line 2"):
        settings.read_env_file(tmp_path / ".env")


def test_secrets_are_never_shown() -> None:
    loaded = settings.load(
        {
            "DATABASE_URL": "postgresql://me:hush@db:5432/x?sslpassword=hush&application_name=a",
            "REDIS_URL": "redis://:hush@cache/0",
            "SECRET_KEY": "hush" * 8,
            "HIRELOG_API_DATABASE_URL": "postgresql://me:hu?hush#hush@hush/hush@db/x",
            "HIRELOG_SMTP_URL": "smtps://me@mail:465",
            "HIRELOG_MAIL_FROM": "jobs@example.com",
        },
    )
    shown = settings.effective(loaded)
    assert "hush" not in repr(shown)
    assert shown["DATABASE_URL"] == "postgresql://me:***@db:5432/x?sslpassword=***&application_name=a"
    assert shown["REDIS_URL"] == "redis://:***@cache/0"
    assert shown["HIRELOG_API_DATABASE_URL"] == "postgresql://***"
    assert shown["HIRELOG_SMTP_URL"] == "smtps://me@mail:465"


FORMS = {
    "DATABASE_URL": (
        "postgresql://me:{}@db:5432/x",
        "postgres://me@corp.com:{}@db/x?sslmode=require",
        "postgresql://me:{}@one:1,two:2/x",
        "postgresql:///x?host=/run&user=me&password={}",
        "postgresql://db/x?password={}&application_name=a",
        "postgresql://me@db/x?sslpassword={}",
        "host=db user=me password={} dbname=x",
        "host = db  password = '{}' sslmode=require",
        "host=db sslpassword='{}'",
    ),
    "REDIS_URL": (
        "redis://:{}@cache/0",
        "rediss://me@corp.com:{}@cache:6379/1?db=2",
        "redis://cache/0?password={}",
        "unix://me:{}@/run/valkey.sock?db=1",
        "unix:///run/valkey.sock?password={}&db=1",
    ),
    "HIRELOG_SMTP_URL": (
        "smtp://me:{}@smtp.corp.com",
        "smtp+starttls://me@corp.com:{}@smtp.corp.com:587",
        "smtps://:{}@[::1]:465",
        "me:{}@smtp.corp.com",
    ),
    "HIRELOG_BLOB_URL": (
        "s3://KEY:{}@bucket/prefix",
        "s3://bucket/prefix?secret_access_key={}&region=eu",
        "s3://bucket?aws_session_token={}",
        "gs://bucket?token={}",
        "az://container/prefix?account_key={}",
        "https://account.blob.core.windows.net/container?sv=1&sig={}#x",
    ),
    "HIRELOG_SENDGRID_URL": ("https://me:{}@proxy", "https://proxy?key={}"),
}
"""Where a password stands in what each setting takes."""

FORMS["HIRELOG_API_DATABASE_URL"] = FORMS["DATABASE_URL"]


def written(form: str, password: str) -> str:
    """With the password as it is, where its form needs no more, or quoted as its form has it."""
    if "://" in form:
        return form.format(quote(password, safe=""))
    return form.format(password.replace("\\", r"\\").replace("'", r"\'").replace(" ", r"\ "))


@example_count(max_examples=50)
@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8))
@example("@")
@example("/?#@")
@example("://")
@example("' \\")
@example("&x=")
def test_no_password_is_shown_in_whatever_form_it_was_written(middle: str) -> None:
    password = f"hush{middle}hush"
    for name, forms in FORMS.items():
        for form in forms:
            for text in (form.format(password), written(form, password)):
                given = {"SECRET_KEY": KEY, "HIRELOG_MAIL_FROM": "jobs@example.com", name: text}
                try:
                    shown = repr(settings.effective(settings.load(given)))
                except SettingsError as refused:
                    shown = str(refused)
                assert "hush" not in shown, text
                if "://" in form or "password" in form:
                    assert "hush" not in hide_password(f'cannot be opened: "{text}"'), text


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("DATABASE_URL", "host=db password='a b' user=me", "user=me password=*** host=db"),
        ("DATABASE_URL", "postgresql://me@/x?host=/run", "postgresql://me@/x?host=/run"),
        ("DATABASE_URL", "postgresql://me:a@one:1,[::1]/x", "postgresql://me:***@one:1,[::1]/x"),
        ("HIRELOG_SMTP_URL", "smtps://me@corp.com:a@smtp:465", "smtps://me@corp.com:***@smtp:465"),
        ("HIRELOG_BLOB_URL", "s3://bucket/cvs?region=eu&token=a", "s3://bucket/cvs?region=eu&token=***"),
        ("REDIS_URL", "unix:///run/valkey.sock?db=2", "unix:///run/valkey.sock?db=2"),
        ("DATABASE_URL", "host=/run/a@b user=me", "user=me host=/run/a@b"),
    ],
)
def test_what_is_no_secret_is_shown(name: str, address: str, shown: str) -> None:
    given = {"SECRET_KEY": KEY, "HIRELOG_MAIL_FROM": "jobs@example.com", name: address}
    assert settings.effective(settings.load(given))[name] == shown


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://me:hu%sh@db/x"),
        ("HIRELOG_API_DATABASE_URL", "postgresql://me:hu/sh@db/x"),
        ("HIRELOG_API_DATABASE_URL", "postgresql://me:pa@hush@db/x"),
        ("DATABASE_URL", "postgresql://me:pa@hush@db:5432,other/x"),
        ("REDIS_URL", "redis://:hu#sh@cache/0"),
        ("REDIS_URL", "redis://:hush@cache/first"),
        ("HIRELOG_SMTP_URL", "smtp://[hush"),
        ("HIRELOG_SMTP_URL", "smtps://me:hu/sh@mail"),
        ("HIRELOG_SENDGRID_URL", "https://[hush"),
        ("HIRELOG_BLOB_URL", "s3://[hush"),
        ("HIRELOG_PUBLIC_URL", "https://[hush"),
    ],
)
def test_an_address_whose_password_would_be_quoted_is_refused(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} cannot be read") as refused:
        settings.load({"SECRET_KEY": "x" * 40, "HIRELOG_MAIL_FROM": "jobs@example.com", name: url})
    assert "hu" not in str(refused.value)


def test_a_child_process_loads_the_same_settings(tmp_path: Path) -> None:
    mine = with_secret_key(settings.load({"HIRELOG_HOME": str(tmp_path), "HIRELOG_SWEEP_SECONDS": "0.5"}))
    assert settings.load(settings.environment(mine)) == mine


NUMBERS = st.one_of(st.integers(), st.floats()).map(str)
ADDRESSES = st.builds(
    "{}://{}".format,
    st.sampled_from(["https", "smtp", "smtps", "s3", "file", "redis", "unix", "postgresql"]),
    st.text("ab:/?#[]@%.,=&1 "),
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(settings.VARIABLES)), NUMBERS | ADDRESSES | st.text(st.characters(codec=None))
    )
)
def test_whatever_a_variable_says_it_is_one_line_or_settings_that_work(environ: dict[str, str]) -> None:
    besides = {"SECRET_KEY": KEY, "HIRELOG_MAIL_FROM": "jobs@example.com"}
    try:
        loaded = settings.load(besides | environ)
    except SettingsError as error:
        said = str(error)
    else:
        said = ""
        assert settings.effective(loaded).keys() == settings.VARIABLES
        assert settings.load(settings.environment(loaded)) == loaded
        timedelta(minutes=loaded.access_token_expire_minutes, days=loaded.session_longest_days)
        timedelta(seconds=loaded.sweep_seconds + 1 / loaded.mail_per_second)
    assert said.isprintable()


@example_count(max_examples=25)
@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text()))
def test_unrelated_variables_change_nothing(environ: dict[str, str]) -> None:
    ours = settings.VARIABLES | {name for name in environ if name.startswith("HIRELOG_")}
    assert settings.load({k: v for k, v in environ.items() if k not in ours}) == settings.load({})
