"""A Dovecot of the tests' own on loopback, run by somebody without rights; whoever signs in has a mailbox of theirs."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from newsletter.bench.ports import free_port
from tests.processes import Process, Processes, is_listening

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
IMAP = Path("/usr/lib/dovecot/imap")


def why_impossible() -> str:
    """Why no Dovecot can be started here; "" where one can."""
    return "" if PROGRAM and IMAP.exists() else "no Dovecot: install the system's package `dovecot-imapd`"


class PrivateMailbox:
    """One mailbox; `url` names it as NEWSLETTER_BOUNCE_IMAP_URL does."""

    def __init__(self, folder: Path, user: str, port: int, owner: pwd.struct_passwd) -> None:
        self.user, self.port = user, port
        self.url = f"imap://{user}:sec%40ret@127.0.0.1:{port}"
        self._folder, self._owner = folder / user, owner
        for path in (self._folder, *(self._folder / name for name in ("new", "cur", "tmp"))):
            path.mkdir()
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def deliver(self, raw: bytes, name: str) -> None:
        """Put a mail into the inbox, as a mail server does."""
        path = self._folder / "new" / name
        path.write_bytes(raw)
        os.chown(path, self._owner.pw_uid, self._owner.pw_gid)


class PrivateDovecot:
    """One Dovecot under a folder of its own."""

    def __init__(self, processes: Processes) -> None:
        # Not in pytest's folders: those are closed to the user that Dovecot runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.port = free_port()
        self._processes = processes
        self._mailboxes = 0
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._lay_out()

    def mailbox(self) -> PrivateMailbox:
        """An empty mailbox of somebody new."""
        self._mailboxes += 1
        return PrivateMailbox(self.folder, f"bounces{self._mailboxes}", self.port, self._user)

    def start(self) -> Process:
        """Start it and wait until it listens."""
        assert PROGRAM is not None
        command: list[str | Path] = [PROGRAM, "-F", "-c", self.folder / "dovecot.conf"]
        if os.geteuid() == 0:
            ids = [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
            command = ["setpriv", *ids, "--", *command]
        process = self._processes.run(command, name="dovecot")
        process.wait_until(lambda: is_listening(self.port), what="Dovecot")
        return process

    def remove(self) -> None:
        """Delete its folder, once it is stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lay_out(self) -> None:
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        user, group = self._user.pw_name, grp.getgrgid(self._user.pw_gid).gr_name
        (self.folder / "dovecot.conf").write_text(
            f"base_dir = {self.folder}/run\nstate_dir = {self.folder}/state\nlog_path = {self.folder}/log\n"
            f"protocols = imap\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\n"
            f"default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n"
            "first_valid_uid = 1\nfirst_valid_gid = 1\n"
            f"mail_location = maildir:{self.folder}/%u\n"
            "passdb {\n  driver = static\n  args = password=sec@ret\n}\n"
            f"userdb {{\n  driver = static\n  args = uid={user} gid={group} home={self.folder}\n}}\n"
            "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n"
            "service imap-login {\n  chroot =\n"
            f"  inet_listener imap {{\n    port = {self.port}\n  }}\n  inet_listener imaps {{\n    port = 0\n  }}\n}}\n"
        )
