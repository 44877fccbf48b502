"""Titles: which of the unmarked lines above the first story titles the brief."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from newsletter.domain.reading import looks
from newsletter.domain.reading.lines import Line


def title_among(plain: Sequence[Line]) -> Line:
    """The line that stands there twice, else the first that ends with a full date, else the first.

    Pages put menus above their heading ("Skip to content", "Home").
    """
    counts = Counter(line.raw for line in plain)
    repeated = next((line for line in plain if counts[line.raw] > 1 and looks.is_plain_heading(line.raw)), None)
    if repeated is not None:
        return repeated
    dated = (line for line in plain if looks.is_plain_heading(line.raw) and looks.ends_with_date(line.raw))
    return next((line for line in dated if looks.dateline_day(line.raw) is None), plain[0])
