"""The inventory's periodic work."""

from haat.kit.reactions import Sweep
from haat.services.inventory.service import InventoryService

SWEEPS = [
    Sweep("expire holds", 1, InventoryService.expire_holds),
    Sweep("audit levels", 300, InventoryService.audit),
    Sweep("prune reservations", 3600, InventoryService.prune),
]
