"""`hirelog mail`, as an operator and as a script use it."""

import pytest

from infrastructure.operator_error import OperatorError
from tests.api.command_line import as_json, hirelog
from tests.mail_world import MailWorld


@pytest.fixture(autouse=True)
def a_mail_that_was_given_up(mail_world: MailWorld) -> None:
    mail_world.apply()
    mail_world.store_effects()
    mail_world.execute(
        "update effect set mail_status = 'given_up', mail_due_at = null, mail_done_at = now(),"
        " mail_reason = E'no such \\x1b[31muser' where number = 0"
    )


def test_mails_are_listed_with_who_what_and_why(mail_world: MailWorld) -> None:
    assert {mail["status"] for mail in as_json(mail_world.database_url, "mail", "list")} == {
        "queued",
        "given_up",
    }
    (mail,) = as_json(mail_world.database_url, "mail", "list", "--status", "given_up")
    assert (mail["kind"], mail["email"], mail["attempts"], mail["company_id"]) == (
        "application_received",
        "cleo@example.com",
        0,
        str(mail_world.tenant),
    )
    shown = hirelog(mail_world.database_url, "mail", "list", "--status", "given_up").stdout
    assert "cleo@example.com" in shown
    assert "no such [31muser" in shown, "no escape sequence of a server reaches the terminal"
    assert "rita@example.com" not in shown


def test_times_are_in_utc_wherever_the_database_is(mail_world: MailWorld) -> None:
    ((name, done),) = mail_world.execute(
        "select current_database(), mail_done_at at time zone 'UTC' from effect where number = 0"
    )
    mail_world.execute(f"alter database \"{name}\" set timezone = 'Asia/Kolkata'")
    assert (
        f"{done:%Y-%m-%d %H:%M:%S}"
        in hirelog(mail_world.database_url, "mail", "list", "--status", "given_up").stdout
    )
    assert as_json(mail_world.database_url, "mail", "list", "--status", "given_up")[0]["done_at"].endswith(
        "Z"
    )


def test_more_mails_than_can_be_shown_are_refused(mail_world: MailWorld) -> None:
    asked = hirelog(mail_world.database_url, "mail", "list", "--limit", "99999999999999999999")
    assert asked.exit_code == 2
    assert "is not in the range 1<=x<=100000" in asked.stderr


def test_what_was_given_up_is_sent_again_one_by_one_or_all(mail_world: MailWorld) -> None:
    (mail,) = as_json(mail_world.database_url, "mail", "list", "--status", "given_up")
    with pytest.raises(OperatorError, match="name one mail"):
        hirelog(mail_world.database_url, "mail", "retry")
    assert (
        hirelog(mail_world.database_url, "mail", "retry", mail["mail_id"]).stdout
        == "1 mails are sent again\n"
    )
    with pytest.raises(OperatorError, match="was not given up"):
        hirelog(mail_world.database_url, "mail", "retry", mail["mail_id"])
    assert hirelog(mail_world.database_url, "mail", "retry", "--all").stdout == "0 mails are sent again\n"
    mail_world.deliver()
    assert {mail["status"] for mail in as_json(mail_world.database_url, "mail", "list")} == {"sent"}
