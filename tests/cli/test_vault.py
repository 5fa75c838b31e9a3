"""What `haat vault` refuses before it touches a key."""

from __future__ import annotations

import pytest

from haat.cli.vault import rotate
from haat.kit.startup import StartupFault


@pytest.mark.parametrize("batch", [0, -1])
def test_a_rotation_of_nothing_at_a_time_is_not_begun(batch: int):
    with pytest.raises(StartupFault, match=f"There cannot be {batch} cards"):
        rotate(batch=batch)
