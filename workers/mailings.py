"""The mailings of an issue: what all mails of a batch share."""

from __future__ import annotations

from datetime import datetime

from newsletter.rendering import DkimSigner, Rendered
from newsletter.runtime import Runtime
from newsletter.services.mailings import MailingFactory
from newsletter.services.sending import Claim


class Mailings:
    """The mailings of one issue, by the moment that a batch was planned for: the Date of its mails, also at a retry."""

    def __init__(self, runtime: Runtime, rendered: Rendered, *, issue_id: int, signer: DkimSigner | None) -> None:
        self._runtime = runtime
        self._rendered = rendered
        self._issue_id = issue_id
        self._signer = signer
        self._factories: dict[datetime, MailingFactory] = {}

    def for_batch(self, claim: Claim) -> MailingFactory:
        """The mailing for the recipients of this claim."""
        if claim.planned_at not in self._factories:
            self._factories[claim.planned_at] = MailingFactory(
                self._rendered,
                issue_id=self._issue_id,
                links=self._runtime.links,
                bounce_domain=self._runtime.settings.bounce_domain,
                date=claim.planned_at,
                signer=self._signer,
            )
        return self._factories[claim.planned_at]
