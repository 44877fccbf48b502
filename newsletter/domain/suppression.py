"""Suppressions: which reason stays when an address has more than one."""

from __future__ import annotations

from newsletter.domain.subscriber import SuppressionReason

# An erasure stands above all, because any other reason would write the address down again; then what the
# person said themselves; then what mail servers said; then what one of us decided.
STRENGTH: dict[SuppressionReason, int] = {
    SuppressionReason.ERASED: 6,
    SuppressionReason.COMPLAINED: 5,
    SuppressionReason.UNSUBSCRIBED: 4,
    SuppressionReason.BOUNCED: 3,
    SuppressionReason.INVALID: 2,
    SuppressionReason.MANUAL: 1,
}


def weaker_reasons(reason: SuppressionReason) -> list[SuppressionReason]:
    """The reasons that give way to this one; between equals the first stays."""
    return [other for other, strength in STRENGTH.items() if strength < STRENGTH[reason]]
