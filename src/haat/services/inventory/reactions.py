"""The inventory's periodic work."""

from haat.kit.reactions import Kept, Sweep
from haat.services.inventory.service import InventoryService

SWEEPS = [
    Sweep("expire holds", 1, InventoryService.expire_holds),
    Sweep("audit levels", 300, InventoryService.audit),
]
# What has ended; its events stay for ever.
KEPT = [Kept("reservations", "expires_at", 30, "state NOT IN ('held', 'filling')")]
