"""PostgreSQL refuses to run as root: the account that the embedded servers get then."""

import os
import pwd
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infrastructure.processes.child import Account
from infrastructure.servers.process import ServerError

_UNPRIVILEGED: Final = ("postgres", "nobody")
_CAPABILITIES: Final = {"dac_read_search": 2, "dac_override": 1}


def server_account(data: Path, needed: Sequence[Path]) -> Account | None:
    """The account for servers whose files are in `data`: None unless we are root.

    It owns `data` already, or is the `postgres` or `nobody` user of the machine; no user is made. Where it may not
    reach the `needed` files (a checkout below `/root`), it keeps the one capability to pass through folders, so
    that no folder has to be opened to everybody. Raises `ServerError` when no account fits.
    """
    if os.geteuid() != 0:
        return None
    entry = _owner(data) or _unprivileged()
    if all(_reachable(path, entry) for path in [data.parent, *needed]):
        return Account(entry.pw_uid, entry.pw_gid)
    setpriv = shutil.which("setpriv")
    capability = next((name for name, bit in _CAPABILITIES.items() if _capabilities() >> bit & 1), None)
    if setpriv is None or capability is None:
        raise ServerError(
            f"PostgreSQL cannot run as root, and user {entry.pw_name} may not reach {data.parent}: run as another user, "
            "or in a folder that others may pass through"
        )
    capability_options = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}")
    user_options = ("--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups")
    return Account(entry.pw_uid, entry.pw_gid, (setpriv, *user_options, *capability_options))


def _owner(path: Path) -> pwd.struct_passwd | None:
    try:
        uid = path.stat().st_uid
        return pwd.getpwuid(uid) if uid else None
    except (FileNotFoundError, KeyError):
        return None


def _unprivileged() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerError(
        "PostgreSQL cannot run as root, and there is no user postgres or nobody: run as another user"
    )


def _reachable(path: Path, entry: pwd.struct_passwd) -> bool:
    return all(_may_pass(folder, entry) for folder in [path, *path.parents])


def _may_pass(path: Path, entry: pwd.struct_passwd) -> bool:
    status = path.stat()
    if status.st_uid == entry.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == entry.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _capabilities() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
