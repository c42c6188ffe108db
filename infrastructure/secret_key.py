"""The secret key of a home folder: made once, by whoever comes first, and kept there."""

import os
import secrets
from pathlib import Path

from msgspec.structs import replace

from infrastructure.settings import SECRET_KEY_BYTES, Settings, SettingsError


def with_secret_key(settings: Settings) -> Settings:
    """The same settings with a `secret_key`: the given one, or one made once and kept in the home folder."""
    if settings.secret_key:
        return settings
    path = settings.home / "secret_key"
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key = secrets.token_urlsafe(48)
        unfinished = path.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        _publish(unfinished, path)
        key = path.read_text(encoding="ascii").strip()
    if len(key.encode()) < SECRET_KEY_BYTES:
        raise SettingsError(
            f"{path} holds less than {SECRET_KEY_BYTES} bytes: remove it to have a new key made"
        )
    return replace(settings, secret_key=key)


def _publish(unfinished: Path, path: Path) -> None:
    """Give a file its name, unless another process has come first: everybody then reads the same one."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        unfinished.replace(path)
    unfinished.unlink(missing_ok=True)
