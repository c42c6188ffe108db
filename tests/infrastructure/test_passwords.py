"""Passwords: as they are stored and checked, and which are refused."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from infrastructure.identity.password_policy import refusal
from infrastructure.identity.passwords import Passwords, PasswordsBusy

KEY = "a key of more than thirty-two bytes, for tests"


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    opened = Passwords(KEY, cost=4)
    yield opened
    opened.close()


async def test_a_password_is_stored_as_a_salted_hash_that_only_it_matches(passwords: Passwords) -> None:
    first, second = await passwords.hash("correct horse"), await passwords.hash("correct horse")
    assert first.startswith("$2b$04$")
    assert first != second
    for stored in (first, second):
        assert await passwords.matches("correct horse", stored)
        assert not await passwords.matches("correct horsf", stored)
    assert not await passwords.matches("correct horse", None)


async def test_a_stored_hash_is_worth_nothing_without_the_key(passwords: Passwords) -> None:
    other = Passwords(KEY + "!", cost=4)
    assert not await other.matches("correct horse", await passwords.hash("correct horse"))
    other.close()


async def test_a_password_is_the_same_from_every_keyboard(passwords: Passwords) -> None:
    stored = await passwords.hash("Z\u00fcrich \ufb01ve")
    assert await passwords.matches("Zu\u0308rich five", stored)
    assert not await passwords.matches("Zurich five", stored)


async def test_a_wrong_password_costs_the_same_whatever_it_is_compared_with() -> None:
    """In CPU time of the worker, which nothing else on the machine changes: an old, cheaper hash, a new one, and none."""
    old, new = Passwords(KEY, cost=8), Passwords(KEY, cost=10)
    stored = (await old.hash("correct horse"), await new.hash("correct horse"), None)
    old.close()
    worker = psutil.Process(new.worker_pid)
    spent: dict[str | None, float] = dict.fromkeys(stored, 0.0)
    for _ in range(3):
        for password_hash in stored:
            before = worker.cpu_times().user
            assert not await new.matches("wrong", password_hash)
            spent[password_hash] += worker.cpu_times().user - before
    new.close()
    assert min(spent.values()) > max(spent.values()) / 1.5
    assert new.is_outdated(stored[0])
    assert not new.is_outdated(stored[1])


async def test_more_than_may_wait_are_refused_at_once_and_the_others_are_answered() -> None:
    passwords = Passwords(KEY, cost=6, waiting=5)
    stored = await passwords.hash("correct horse")
    answers = await asyncio.gather(
        *(passwords.matches("correct horse", stored) for _ in range(20)), return_exceptions=True
    )
    assert answers.count(True) == 6
    assert sum(isinstance(answer, PasswordsBusy) for answer in answers) == 14
    assert await passwords.matches("correct horse", stored)
    passwords.close()


async def test_an_answer_belongs_to_its_question_also_when_another_caller_left(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    for _ in range(20):
        right = asyncio.create_task(passwords.matches("correct horse", stored))
        wrong = asyncio.create_task(passwords.matches("wrong", stored))
        await asyncio.sleep(0)
        right.cancel()
        assert not await wrong


async def test_a_worker_that_died_is_replaced_and_none_outlives_us() -> None:
    passwords = Passwords(KEY, cost=4)
    stored = await passwords.hash("correct horse")
    worker = psutil.Process(passwords.worker_pid)
    assert worker.nice() == 19
    worker.kill()
    psutil.wait_procs([worker], timeout=10)
    assert await passwords.matches("correct horse", stored)
    another = psutil.Process(passwords.worker_pid)
    passwords.close()
    assert not another.is_running()


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password", "tried first"),
        ("P4ssw0rd2026!", "tried first"),
        ("!!dragon!!", "tried first"),
        ("\uff44\uff52\uff41\uff47\uff4f\uff4e99", "tried first"),
        ("s u n s h i n e", "tried first"),
        ("Aa123456", "tried first"),
        ("12345678910", "tried first"),
        ("a1234567", "tried first"),
        ("123456789a", "tried first"),
        ("159753456", "tried first"),
        ("SpongeBob", "tried first"),
        ("precious", "tried first"),
        ("cocacola", "tried first"),
        ("Charlotte1", "tried first"),
        ("anderson", "tried first"),
        ("motherfucker", "tried first"),
        ("nightmare!", "tried first"),
        ("18atcskd2w", "tried first"),
        ("3rjs1la7qe", "tried first"),
        ("aaaaaaaaaaaa", "repeats"),
        ("aaaaaaab", "repeats"),
        ("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e91", "repeats"),
        ("kkkk1111", "repeats"),
        ("abcabcabcabcab", "repeats"),
        ("mnopqrst", "counts"),
        ("98765432", "counts"),
        ("poiuytr-4567", "counts"),
        ("Aa12345678", "counts"),
        ("Aa112233", "counts"),
        ("9-qwerty-asdf!", "counts"),
        ("hirelog-2x", "mostly"),
        ("Ann.Admin-77", "mostly"),
        ("bread&co!99", "mostly"),
        ("ann@example.com", "mostly"),
        ("short", "8 to 1024"),
        ("x" * 1025, "8 to 1024"),
    ],
)
def test_what_is_tried_first_is_refused_with_a_reason(password: str, why: str) -> None:
    reason = refusal(password, ["Ann Admin", "ann@example.com", "Bread & Co."])
    assert reason is not None
    assert why in reason


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "all lower case",
        "73948261",
        "x" * 1024,
        "\x00ß\x01\u200b\U0001f600ab!",
        "Ann likes rye bread",
        "aabxcydz",
        "rye-1234-loaf",
        "29655554",
        "é" * 7 + "x" * 1017,
    ],
)
def test_nothing_is_demanded_of_what_a_password_is_made_of(password: str) -> None:
    assert refusal(password, ["Ann Admin", "ann@example.com", "Bread & Co."]) is None


@given(st.text(max_size=1100), st.lists(st.text(max_size=50), max_size=4))
def test_any_text_is_judged(password: str, context: list[str]) -> None:
    reason = refusal(password, context)
    assert reason != ""
    if not 8 <= len(password) <= 1024:
        assert reason


@given(
    affix=st.text("aAxZ079", max_size=2),
    behind=st.booleans(),
    walk=st.sampled_from(
        ["12345678", "abcdefgh", "poiuytre", "zxcvbnm12345", "aabbccdd", "77777777", "qqqqqqqq"]
    ),
    upper=st.booleans(),
)
def test_two_more_characters_hide_no_walk(*, affix: str, behind: bool, walk: str, upper: bool) -> None:
    password = walk + affix if behind else affix + walk
    assert refusal(password.upper() if upper else password)


@given(
    st.lists(
        st.sampled_from(
            [
                "river",
                "lamp",
                "stone",
                "violin",
                "copper",
                "meadow",
                "ladder",
                "winter",
                "pepper",
                "saddle",
                "abc",
                "1234",
            ]
        ),
        min_size=4,
        max_size=8,
        unique=True,
    ),
    st.sampled_from([" ", "-", ".", ""]),
)
def test_a_passphrase_of_four_words_is_taken(words: list[str], between: str) -> None:
    assert refusal(between.join(words)) is None


def test_the_most_common_passwords_that_are_long_enough_are_refused_in_any_case() -> None:
    fitting = [word for words in FREQUENCY_LISTS.values() for word in words if len(word) >= 8]
    assert len({*fitting} & {*FREQUENCY_LISTS["passwords"]}) >= 3_000
    assert [word for word in fitting if not refusal(word) or not refusal(word.title())] == []


def test_our_own_list_has_only_what_is_missing_elsewhere_and_can_match() -> None:
    words = Path("infrastructure/identity/common_passwords.txt").read_text(encoding="ascii").split()
    assert words == sorted(set(words))
    assert all(word == word.casefold() for word in words)
    known = {
        word
        for name, listed in FREQUENCY_LISTS.items()
        for word in listed
        if name == "passwords" or len(word) >= 8
    }
    assert known.isdisjoint(words)


def test_the_lists_are_loaded_only_when_a_password_is_judged() -> None:
    program = (
        "import sys\n"
        "import api.cli\n"
        "from infrastructure.identity.password_policy import refusal\n"
        "print('zxcvbn' in sys.modules)\n"
        "refusal('correct horse')\n"
        "print('zxcvbn' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]
