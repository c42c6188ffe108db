"""The secret key of a home folder: one for all, private, and never a damaged one."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure.secret_key import with_secret_key
from infrastructure.settings import SECRET_KEY_BYTES, Settings, SettingsError


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = with_secret_key(Settings(home=tmp_path))
    again = with_secret_key(Settings(home=tmp_path))
    assert first.secret_key == again.secret_key
    assert first.secret_key is not None
    assert len(first.secret_key) >= SECRET_KEY_BYTES
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_commands_that_start_at_once_come_to_one_secret_key(tmp_path: Path) -> None:
    for number in range(20):
        home = tmp_path / str(number)
        home.mkdir()
        together = threading.Barrier(4)

        def key(_: int, home: Path = home, together: threading.Barrier = together) -> str | None:
            together.wait()
            return with_secret_key(Settings(home=home)).secret_key

        with ThreadPoolExecutor(4) as threads:
            keys = set(threads.map(key, range(4)))
        assert keys == {(home / "secret_key").read_text()}
        assert [path.name for path in home.iterdir()] == ["secret_key"]


def test_a_damaged_secret_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingsError, match="remove it"):
        with_secret_key(Settings(home=tmp_path))
