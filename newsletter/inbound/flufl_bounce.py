"""Old bounces without a delivery status, by the detectors of flufl.bounce: the only place that knows that library."""

from __future__ import annotations

import logging
from email import policy
from email.parser import BytesParser

from newsletter.inbound.addresses import tidy_address
from newsletter.inbound.findings import Finding

MAX_BYTES = 64 * 1024
# What its detectors have been seen to raise, or could, on mails that are not what they seem.
FAULTS = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

# It logs each of its faults with a traceback; they are answered here, and a log must not fill up by strangers' mails.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def find_with_flufl(source: bytes) -> list[Finding]:
    """The recipients that these detectors see. Their word for permanent is not taken over: it says hard too often."""
    # Loading the library and its detectors takes as long as reading ten mails; most mails never get here.
    from flufl.bounce import all_failures

    try:
        temporary, permanent = all_failures(BytesParser(policy=policy.compat32).parsebytes(source[:MAX_BYTES]))
    except FAULTS:
        return []
    addresses = {tidy_address(found.decode("utf-8", "replace")) for found in {*temporary, *permanent}}
    return [Finding(address=address, source="flufl") for address in sorted(addresses) if address]
