"""`newsletter test-send`: a brief to any address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_table
from newsletter.errors import ServiceUnavailable
from newsletter.services import trial


def register(app: typer.Typer) -> None:
    """Add test-send to the command line."""
    app.command("test-send")(test_send)


def test_send(
    brief_id: Annotated[int, typer.Argument(metavar="BRIEF_ID", help="The brief's number.")],
    to: Annotated[list[str], typer.Option(metavar="ADDRESS", help="Who gets it; may be given several times.")],
    like: Annotated[
        str | None, typer.Option(metavar="SUBSCRIBER", help="Greet as this subscriber would be greeted.")
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Send a brief to any address, marked as a test and never counted.

    Exit code 1 where an address was not accepted.

    Example: newsletter test-send 1 --to you@example.org
    """
    with open_runtime() as runtime:
        with runtime.transaction() as session:
            prepared = trial.prepare_test(
                session,
                brief_id,
                to,
                like=like,
                links=runtime.links,
                bounce_domain=runtime.settings.bounce_domain,
                signer=runtime.signer,
                actor=actor_for(session, "test-send", acting_as=acting_as),
                now=runtime.now(),
            )
        # No transaction is open while we talk to the provider.
        mails = trial.hand_over_test(prepared, runtime.provider)
    _print_mails(mails, as_json=as_json)
    failed = [mail for mail in mails if not mail.is_accepted]
    if failed:
        raise ServiceUnavailable(f"{len(failed)} of {len(mails)} test mails were not accepted: {failed[0].response}")


def _print_mails(mails: Sequence[trial.TestMail], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "sent": [_as_dict(mail) for mail in mails if mail.is_accepted],
                "failed": [_as_dict(mail) for mail in mails if not mail.is_accepted],
            }
        )
        return
    print_table(
        ("to", "provider", "accepted", "response"),
        [(mail.to, mail.provider, mail.is_accepted, mail.response) for mail in mails],
        nothing="nothing was sent",
    )


def _as_dict(mail: trial.TestMail) -> dict[str, Any]:
    return {"to": mail.to, "provider": mail.provider, "message_id": mail.message_id, "response": mail.response}
