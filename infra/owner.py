"""Run a program that refuses to be root (PostgreSQL) when we are root: no new user, no changed folder modes.

Two ways, in this order: a user namespace in which root is called `nobody` (files stay root's, so a home under /root works too), and dropping
to the real user `nobody`, which needs folders that `nobody` may enter.
"""

from __future__ import annotations

import ctypes
import functools
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.errors import HomeError

PR_SET_PDEATHSIG = 1
NAMESPACE = ("--map-user=65534", "--map-group=65534", "--")


@dataclass(frozen=True)
class Owner:
    """How to run a program so that it is not root: a command prefix, or a user to become, or neither (we are not root)."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen(self) -> dict[str, object]:
        """Keyword arguments of subprocess.Popen that make the switch."""
        return {"cwd": "/"} if self.uid is None else {"cwd": "/", "user": self.uid, "group": self.gid, "extra_groups": []}

    def take(self, folder: Path) -> None:
        """Make a private folder that belongs to this owner."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        if self.uid is not None:
            os.chown(folder, self.uid, self.gid or self.uid)


def owner_of(data: Path, binaries: Path) -> Owner:
    """The owner for a data folder: what its files already belong to, else the first way that works here.

    Raises HomeError when neither way works.
    """
    if os.geteuid() != 0:
        return Owner()
    nobody = pwd.getpwnam("nobody")
    dropped = Owner(uid=nobody.pw_uid, gid=nobody.pw_gid)
    if data.exists() and data.stat().st_uid == nobody.pw_uid:
        return dropped
    if _namespaces_work():
        return Owner(prefix=(str(shutil.which("unshare")), *NAMESPACE))
    closed = next((folder for folder in (*reversed(data.parents), *reversed(binaries.parents)) if folder.exists() and not folder.stat().st_mode & 0o001), None)
    if closed:
        raise HomeError(f"PostgreSQL refuses to run as root and the user nobody may not enter {closed}: run as an ordinary user, or move the folder (--home).")
    return dropped


def die_with_parent(sent: signal.Signals) -> None:
    """Ask the kernel (Linux) to send this process a signal when the thread that started it dies; to be called between fork and exec."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(sent), 0, 0, 0)


@functools.cache
def _namespaces_work() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, *NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


_libc = ctypes.CDLL(None, use_errno=True) if os.uname().sysname == "Linux" else None
