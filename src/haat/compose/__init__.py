"""The composition root: the only place that knows every service and every engine."""

from haat.compose.builders import reconciliations, vault_records
from haat.compose.house import House
from haat.compose.parts import contract_of, parts_of
from haat.settings import SERVICES

__all__ = ["SERVICES", "House", "contract_of", "parts_of", "reconciliations", "vault_records"]
