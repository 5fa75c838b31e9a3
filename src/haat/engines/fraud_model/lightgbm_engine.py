"""The embedded fraud model engine: LightGBM, or a logistic baseline; heavy imports wait for the first use."""

from collections.abc import Sequence

from haat.engines.fraud_model.features import StreamingHistory
from haat.ports.fraud_model import FraudHistory, FraudModel, ModelKind


class LightGbmFraudEngine:
    """Implements FraudModelEngine."""

    def history(self, feedback_delay_days: int) -> FraudHistory:
        """See FraudModelEngine."""
        return StreamingHistory(feedback_delay_days)

    def train(
        self, rows: Sequence[Sequence[float]], frauds: Sequence[bool], kind: ModelKind = "lightgbm"
    ) -> FraudModel:
        """See FraudModelEngine."""
        from haat.engines.fraud_model.models import train_model  # noqa: PLC0415

        return train_model(rows, frauds, kind)

    def load(self, text: str) -> FraudModel:
        """See FraudModelEngine."""
        from haat.engines.fraud_model.models import load_model  # noqa: PLC0415

        return load_model(text)
