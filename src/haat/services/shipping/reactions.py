"""Shipping's own periodic work."""

from haat.kit.reactions import Sweep
from haat.services.shipping.service import ShippingService

SWEEPS = [
    Sweep("book queued parcels", 2, ShippingService.book_queued),
    Sweep("look after parcels of which nothing is heard", 30, ShippingService.look_after_unheard),
]
