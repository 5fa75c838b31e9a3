"""What the vault does by itself."""

from haat.kit.reactions import Sweep
from haat.services.vault.service import VaultService

SWEEPS = [Sweep("purge cards nobody kept", 30, VaultService.purge)]
