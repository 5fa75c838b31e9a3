"""Training in a process of its own."""

from datetime import UTC, datetime

import pytest

from haat.engines.training import apart
from haat.engines.training.apart import TrainingFailed, train_apart
from haat.engines.training.implicit_engine import ImplicitTrainingEngine
from haat.ports.training import Interactions, ItemText, TrainingPlan

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOTHING = Interactions([], [], [], [], [])


async def test_a_model_comes_back_from_the_other_process():
    texts = [ItemText("a", "green tea"), ItemText("b", "black tea"), ItemText("c", "running shoe")]
    model = ImplicitTrainingEngine().load(await train_apart(NOTHING, texts, TrainingPlan(), NOW))
    assert (model.trained_at, [each.item for each in model.similar("a", 1)]) == (NOW, ["b"])


async def test_a_training_that_dies_says_why(monkeypatch):
    monkeypatch.setattr(apart, "__name__", "haat.engines.training.no_such_module")
    with pytest.raises(TrainingFailed, match="no_such_module"):
        await train_apart(NOTHING, [], TrainingPlan(), NOW)
