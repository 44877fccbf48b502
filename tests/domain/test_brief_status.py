"""Facts about the life of a brief."""

from __future__ import annotations

import pytest

from newsletter.domain.brief import TRANSITIONS, BriefStatus

LEGAL = {
    "draft": {"edit": "draft", "submit": "in_review"},
    "in_review": {"edit": "draft", "approve": "approved", "request_changes": "changes_requested"},
    "changes_requested": {"edit": "draft", "submit": "in_review"},
    "approved": {"edit": "draft", "request_changes": "changes_requested"},
}


@pytest.mark.parametrize("status", BriefStatus)
@pytest.mark.parametrize("act", sorted({act for _, act in TRANSITIONS}))
def test_a_brief_moves_only_as_its_table_says(status: BriefStatus, act: str) -> None:
    assert TRANSITIONS.get((status, act)) == LEGAL[status].get(act)


@pytest.mark.parametrize("status", BriefStatus)
def test_any_edit_voids_what_had_been_decided(status: BriefStatus) -> None:
    assert TRANSITIONS[status, "edit"] is BriefStatus.DRAFT
