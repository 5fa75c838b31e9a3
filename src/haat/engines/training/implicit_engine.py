"""The embedded training engine: the library `implicit` and closed-form linear models, in this process."""

from collections.abc import Sequence
from datetime import datetime

from haat.ports.training import Interactions, ItemText, TrainedModel, TrainingPlan


class ImplicitTrainingEngine:
    """Implements TrainingEngine. Numeric libraries are imported by the first call: a second or two, once."""

    def train(
        self, interactions: Interactions, texts: Sequence[ItemText], plan: TrainingPlan, now: datetime
    ) -> TrainedModel:
        """See TrainingEngine."""
        from haat.engines.training.learning import learn  # noqa: PLC0415

        return learn(interactions, texts, plan, now)

    def load(self, data: bytes) -> TrainedModel:
        """See TrainingEngine."""
        from haat.engines.training.neighbour_model import load_model  # noqa: PLC0415

        return load_model(data)
