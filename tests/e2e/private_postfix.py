"""A Postfix of the test's own on loopback: it takes all mail, and what its other half refuses bounces for real."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import tempfile
import time
from pathlib import Path

from newsletter.bench.ports import free_port
from tests.processes import Process, Processes, is_listening

PROGRAM = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

# The beginning of the local part tells what becomes of a mail to readers.example.
REFUSALS = {
    "unknown": "550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table",
    "disabled": "550 5.2.1 The email account that you tried to reach is disabled",
    "full": "552 5.2.2 The email account that you tried to reach is over quota",
    "spam": "554 5.7.1 Message rejected due to spam content",
    "listed": "550 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using zen.spamhaus.org",
}
READERS = "readers.example"
NOWHERE = "nowhere.example"
RETURNS = "returns.example"

_DAEMONS = {
    "pickup": "unix n - n 60 1 pickup",
    "cleanup": "unix n - n - 0 cleanup",
    "qmgr": "unix n - n 5 1 qmgr",
    "rewrite": "unix - - n - - trivial-rewrite",
    "bounce": "unix - - n - 0 bounce",
    "defer": "unix - - n - 0 bounce",
    "trace": "unix - - n - 0 bounce",
    "verify": "unix - - n - 1 verify",
    "flush": "unix n - n 1000? 0 flush",
    "proxymap": "unix - - n - - proxymap",
    "smtp": "unix - - n - - smtp",
    "relay": "unix - - n - - smtp",
    "error": "unix - - n - - error",
    "retry": "unix - - n - - error",
    "discard": "unix - - n - - discard",
    "lmtp": "unix - - n - - lmtp",
    "anvil": "unix - - n - 1 anvil",
    "scache": "unix - - n - 1 scache",
    "showq": "unix n - n - - showq",
    "postlog": "unix-dgram n - n - 1 postlogd",
}


def why_impossible() -> str:
    """Why no Postfix can be started here; "" where one can."""
    if PROGRAM is None:
        return "no Postfix: install the system's package `postfix`"
    return "" if os.geteuid() == 0 else "Postfix needs root to own its queue"


def stop(pid: int, *, seconds: float = 10.0) -> None:
    """Ask a process that is no child of ours to end, and wait until it has."""
    until = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < until:
            os.kill(pid, 0)
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)


class PrivatePostfix:
    """One Postfix under a folder of its own. `port` takes mail; what comes back goes to `lmtp_port`."""

    def __init__(self, processes: Processes, *, lmtp_port: int) -> None:
        # Not in pytest's folders: those are closed to the user that Postfix becomes.
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.port = free_port()
        self._mx_port = free_port()
        self._lmtp_port = lmtp_port
        self._processes = processes
        self._lay_out()

    def start(self) -> Process:
        """Start it and wait until it takes mail."""
        assert PROGRAM is not None
        process = self._processes.run([PROGRAM, "-c", self.folder / "etc", "start-fg"], name="postfix")
        process.wait_until(lambda: is_listening(self.port) and is_listening(self._mx_port), what="Postfix")
        return process

    def log(self) -> str:
        """What it has written so far."""
        path = self.folder / "log" / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self) -> None:
        """Stop it and delete its folder. Its master leaves the session that it was started in, so it is told itself."""
        noted = self.folder / "queue" / "pid" / "master.pid"
        if noted.exists():
            stop(int(noted.read_text()))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lay_out(self) -> None:
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "data", "log"):
            (self.folder / name).mkdir(mode=0o755)
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
        for name, text in self._files().items():
            (self.folder / "etc" / name).write_text(text, encoding="ascii")

    def _files(self) -> dict[str, str]:
        etc = self.folder / "etc"
        domains = "|".join(name.replace(".", r"\.") for name in (READERS, NOWHERE, RETURNS))
        return {
            "main.cf": "".join(f"{name} = {value}\n" for name, value in self._settings().items()),
            "master.cf": (
                f"127.0.0.1:{self.port} inet n - n - - smtpd\n  -o smtpd_reject_unlisted_recipient=no\n"
                f"127.0.0.1:{self._mx_port} inet n - n - - smtpd\n  -o myhostname=mx.{READERS}\n"
                f"  -o smtpd_recipient_restrictions=check_recipient_access,regexp:{etc}/refusals,permit\n"
                "  -o content_filter=discard:\n" + "".join(f"{name} {rest}\n" for name, rest in _DAEMONS.items())
            ),
            "domains": f"/^({domains})$/ OK\n",
            "transport": (
                f"/@{RETURNS}$/ lmtp:inet:127.0.0.1:{self._lmtp_port}\n"
                f"/@{NOWHERE}$/ error:5.1.2 Host or domain name not found: no such domain\n"
                f"/@{READERS}$/ smtp:[127.0.0.1]:{self._mx_port}\n"
            ),
            "refusals": "".join(f"/^{start}/ {reply}\n" for start, reply in REFUSALS.items()),
        }

    def _settings(self) -> dict[str, object]:
        folder, etc = self.folder, self.folder / "etc"
        return {
            "compatibility_level": "3.6",
            "queue_directory": folder / "queue",
            "data_directory": folder / "data",
            "maillog_file": folder / "log" / "maillog",
            "maillog_file_prefixes": folder,
            "myhostname": "mta.sender.example",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "relay_domains": f"regexp:{etc}/domains",
            "transport_maps": f"regexp:{etc}/transport",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_client_connection_count_limit": "0",
            "minimal_backoff_time": "2s",
            "maximal_backoff_time": "4s",
            "queue_run_delay": "2s",
        }
