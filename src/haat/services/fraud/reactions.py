"""What fraud does by itself."""

from haat.kit.reactions import Sweep
from haat.services.fraud.service import FraudService

SWEEPS = [Sweep("forget old assessments", 3600, FraudService.forget_old)]
