"""The periodic work of identity."""

from haat.kit.reactions import Sweep
from haat.services.identity.service import IdentityService

SWEEPS = [
    Sweep("rotate signing keys", 3600, IdentityService.rotate_old_keys),
    Sweep("forget old sessions", 3600, IdentityService.forget_old),
]
