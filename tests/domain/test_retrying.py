"""Facts about when something is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.retrying import DELAYS, DOWN_DELAYS, provider_down_delay, retry_delay, spread


def test_delays_grow_to_the_last_of_their_table_and_stay_there() -> None:
    assert [retry_delay(attempts) for attempts in range(1, 7)] == list(DELAYS)
    assert [provider_down_delay(attempts) for attempts in range(1, 7)] == list(DOWN_DELAYS)
    assert (retry_delay(50), provider_down_delay(50)) == (DELAYS[-1], DOWN_DELAYS[-1])


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 60), (0.5, 67.5), (1.0, 75)])
def test_a_delay_is_spread_upwards_and_never_shortened(chance: float, seconds: float) -> None:
    assert spread(timedelta(seconds=60), chance=chance) == timedelta(seconds=seconds)
