"""Logs: JSON for machines, and never a secret."""

import contextlib
import io
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from infrastructure.logging import configure_logging
from infrastructure.settings import Settings


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        configure_logging(Settings(), "api")
        yield text
    root.handlers, _ = before
    root.setLevel(before[1])
    structlog.reset_defaults()


def lines(text: io.StringIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in text.getvalue().splitlines()]


def test_every_line_is_json_and_names_its_process(written: io.StringIO) -> None:
    structlog.get_logger("ours").info("appended", position=7)
    logging.getLogger("theirs").warning("late by %s s", 3)
    ours, theirs = lines(written)
    assert (ours["event"], ours["position"], ours["process"], ours["level"]) == ("appended", 7, "api", "info")
    assert (theirs["event"], theirs["logger"], theirs["process"]) == ("late by 3 s", "theirs", "api")


@pytest.mark.parametrize(
    "field",
    [
        {"password": "hush-hush"},
        {"headers": {"Authorization": "Bearer hush-hush"}},
        {"url": "postgresql://me:hush-hush@db/x"},
        {"text": "sent Bearer hush-hush"},
        {"refresh_tokens": ["hush-hush"]},
        {"note": "eyJhush-hush.eyJ.x"},
    ],
)
def test_a_secret_is_never_written(written: io.StringIO, field: dict[str, object]) -> None:
    structlog.get_logger("ours").warning("refused", **field)
    assert "***" in written.getvalue()
    assert "hush-hush" not in written.getvalue()


def test_an_exception_is_written_without_the_values_of_its_variables(written: io.StringIO) -> None:
    def login(password: str) -> None:
        raise ValueError(len(password))

    entered = ["hush-hush"]
    try:
        login(entered[0])
    except ValueError:
        structlog.get_logger("ours").exception("failed", database=f"redis://:{entered[0]}@cache")
    assert "ValueError: 9" in written.getvalue()
    assert "hush-hush" not in written.getvalue()
