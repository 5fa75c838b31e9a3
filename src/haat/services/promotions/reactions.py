"""What promotions do by themselves: nothing but forgetting."""

from haat.kit.reactions import Kept

# An attempt that was given back is remembered while its checkout could still ask.
KEPT = [Kept("attempts", "at", 90, "state = 'given_back'")]
