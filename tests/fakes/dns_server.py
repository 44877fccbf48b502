"""A small DNS server on loopback, UDP and TCP: it knows the records of a dictionary and nothing else.

Answers longer than 512 bytes are cut over UDP, as real servers cut them, so that whoever asks comes again over TCP.
Names under `silent` get no answer at all.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from newsletter.bench.ports import free_port

Zone = Mapping[tuple[str, str], Sequence[str]]
MAX_UDP_BYTES = 512


class _Answers:
    """What is answered. `zone` maps (name, type) to records in the form of a zone file."""

    def __init__(self, zone: Zone, silent: Sequence[str]) -> None:
        self.zone = {(name.lower(), kind): list(records) for (name, kind), records in zone.items()}
        self.silent = frozenset(silent)
        self.asked: list[tuple[str, str]] = []

    def answer(self, wire: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind), [])
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@contextmanager
def dns_server(zone: Zone, *, silent: Sequence[str] = ()) -> Iterator[str]:
    """HOST:PORT of a server that knows these records until the end of the block."""
    answers = _Answers(zone, silent)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, link = self.request
            answer = answers.answer(data)
            if answer is None:
                return
            wire = answer.to_wire()
            if len(wire) > MAX_UDP_BYTES:
                answer.answer.clear()
                answer.flags |= dns.flags.TC
                wire = answer.to_wire()
            link.sendto(wire, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (size,) = struct.unpack("!H", self.rfile.read(2))
            answer = answers.answer(self.rfile.read(size))
            if answer is not None:
                wire = answer.to_wire()
                self.wfile.write(struct.pack("!H", len(wire)) + wire)

    # The same port twice: one that the system gave for TCP may be somebody's for UDP.
    port = free_port()
    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", port), Tcp) as tcp,
        socketserver.ThreadingUDPServer(("127.0.0.1", port), Udp) as udp,
    ):
        servers = (tcp, udp)
        for server in servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{port}"
        for server in servers:
            server.shutdown()


def text(value: str) -> str:
    """A TXT record: in strings of at most 255 bytes, as a zone file has them."""
    return " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
