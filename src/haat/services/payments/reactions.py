"""What payments do by themselves."""

from haat.kit.reactions import Sweep
from haat.services.payments.service import PaymentsService

SWEEPS = [
    Sweep("finish open payments", 2, PaymentsService.finish_open),
    Sweep("forget old webhooks", 3600, PaymentsService.forget_webhooks),
]
