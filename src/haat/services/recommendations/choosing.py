"""Choosing what to show: the model proposes, the shelf disposes, and each answer says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cachetools import TTLCache

from haat.contracts.recommendations import ModelInfo, Recommend, Recommendations, Recommended
from haat.kit.message import Invalid, NotFound
from haat.ports.training import TrainedModel
from haat.services.recommendations.model import FOR_YOU, NEW, POPULAR, Behaviour
from haat.services.recommendations.models import ModelFolder
from haat.services.recommendations.store import Known, RecommendationStore

# How stale stock and prices in an answer may be, beside what the events take.
SHELF_SECONDS, SHELF_SIZE = 10.0, 20_000
BEHAVIOUR_SECONDS, BEHAVIOUR_SIZE = 5.0, 20_000
_UNTRAINED = ModelInfo(name="untrained", trained_at=None)
_UNHEARD = Known(None, False, "")
_LATEST = 5
_NEIGHBOURS = 50


class Chooser:
    """Answers from memory; asks the database for products and behaviour it has not met within seconds."""

    def __init__(self, store: RecommendationStore, models: ModelFolder) -> None:
        self._store = store
        self._models = models
        self._shelf: TTLCache[str, Known] = TTLCache(SHELF_SIZE, SHELF_SECONDS)
        self._behaviour: TTLCache[tuple[str | None, str | None], Behaviour] = TTLCache(
            BEHAVIOUR_SIZE, BEHAVIOUR_SECONDS
        )

    def forget(self, user_id: str | None, session_ids: Iterable[str]) -> None:
        """They have just done something: look again."""
        self._behaviour.pop((user_id, None), None)
        for session_id in session_ids:
            self._behaviour.pop((None, session_id), None)

    def forget_products(self, product_ids: Iterable[str]) -> None:
        """They have just changed: look again."""
        for product_id in product_ids:
            self._shelf.pop(product_id, None)

    async def recommend(self, ask: Recommend) -> Recommendations:
        """Raises Invalid without a product where one is needed, NotFound for one nobody has heard of."""
        model = await self._models.current()
        info = ModelInfo(name=model.name, trained_at=model.trained_at) if model else _UNTRAINED
        if ask.kind in ("similar", "bought_together"):
            data = await self._beside(model, ask)
        elif ask.kind == "for_you":
            data = await self._for_you(model, ask)
        else:
            data = await self._popular(model, _Answer(ask.limit, set()))
        return Recommendations(data=data, model=info)

    async def _beside(self, model: TrainedModel | None, ask: Recommend) -> list[Recommended]:
        """Similar to a product or bought with it; where that says too little, the rest of its category."""
        if ask.product_id is None:
            detail = f"is required for {ask.kind}"
            raise Invalid(errors=[{"pointer": "/product_id", "code": "required", "detail": detail}])
        product_id, wanted = ask.product_id, _wanted(ask.limit)
        together = model.bought_together([product_id], wanted) if model and ask.kind == "bought_together" else []
        similar = model.similar(product_id, wanted) if model else []
        shelf = await self._known([product_id, *(each.item for each in (*together, *similar))])
        card = shelf[product_id].card
        if card is None:
            raise NotFound()
        answer = _Answer(ask.limit, {product_id})
        answer.add(((each.item, f"Often bought with {card.title}") for each in together), shelf)
        like_it = f"Similar to {card.title}"
        answer.add(((each.item, like_it) for each in similar), shelf)
        if not answer.full:
            async with self._store.connection() as connection:
                others = await self._store.of_category(connection, shelf[product_id].category, product_id, wanted)
            answer.add(((each, like_it) for each in others), await self._known(others))
        return await self._popular(model, answer)

    async def _for_you(self, model: TrainedModel | None, ask: Recommend) -> list[Recommended]:
        """By the user's past, else by the session's; neither what they bought nor what they were just looking at."""
        behaviour = await self._behaviour_of(ask)
        answer = _Answer(ask.limit, {*behaviour.bought, *behaviour.looked})
        if model is not None:
            wanted = _wanted(ask.limit)
            found = model.for_you(ask.user_id, behaviour.looked, wanted, behaviour.bought)
            shelf = await self._known([*(each.item for each in found), *behaviour.looked])
            why = _Reasons(model, behaviour.looked, shelf)
            answer.add(((each.item, why.of(each.item, each.reason)) for each in found), shelf)
        return await self._popular(model, answer)

    async def _popular(self, model: TrainedModel | None, answer: _Answer) -> list[Recommended]:
        """Fills the answer with what is popular, then with what is new."""
        wanted = _wanted(answer.limit)
        if model is not None and not answer.full:
            found = [each.item for each in model.trending(wanted, sorted(answer.told))]
            answer.add(((each, POPULAR) for each in found), await self._known(found))
        if not answer.full:
            async with self._store.connection() as connection:
                newest = await self._store.newest(connection, wanted + len(answer.told))
            answer.add(((each, NEW) for each in newest), await self._known(newest))
        return answer.data

    async def _behaviour_of(self, ask: Recommend) -> Behaviour:
        if ask.user_id is None and ask.session_id is None:
            return Behaviour([], [])
        key = ask.user_id, None if ask.user_id is not None else ask.session_id
        behaviour = self._behaviour.get(key)
        if behaviour is None:
            async with self._store.connection() as connection:
                behaviour = await self._store.behaviour(connection, *key)
            self._behaviour[key] = behaviour
        return behaviour

    async def _known(self, product_ids: Sequence[str]) -> dict[str, Known]:
        """Of every id something, in one statement for those not met lately."""
        shelf = {each: known for each in product_ids if (known := self._shelf.get(each)) is not None}
        missing = [each for each in dict.fromkeys(product_ids) if each not in shelf]
        if missing:
            async with self._store.connection() as connection:
                found = await self._store.known(connection, missing)
            for each in missing:
                self._shelf[each] = shelf[each] = found.get(each, _UNHEARD)
        return shelf


class _Answer:
    """Grows to `limit`; nothing twice, nothing of `told`, nothing that cannot be bought."""

    def __init__(self, limit: int, told: set[str]) -> None:
        self.limit = limit
        self.told = told
        self.data: list[Recommended] = []

    @property
    def full(self) -> bool:
        return len(self.data) >= self.limit

    def add(self, proposals: Iterable[tuple[str, str]], shelf: dict[str, Known]) -> None:
        for product_id, reason in proposals:
            if self.full:
                return
            known = shelf[product_id]
            if product_id not in self.told and known.available and known.card is not None:
                self.told.add(product_id)
                self.data.append(Recommended(product=known.card, reason=reason))


class _Reasons:
    """Why something is shown to this shopper: by the latest product they looked at that leads there."""

    def __init__(self, model: TrainedModel, looked: Sequence[str], shelf: dict[str, Known]) -> None:
        self._model = model
        self._looked = [card for each in reversed(looked[-_LATEST:]) if (card := shelf[each].card) is not None]
        self._near: dict[str, set[str]] = {}

    def of(self, product_id: str, reason: str) -> str:
        if reason == "trending":
            return POPULAR
        for card in self._looked:
            if product_id in self._near_to(card.id):
                return f"Because you looked at {card.title}"
        return FOR_YOU

    def _near_to(self, product_id: str) -> set[str]:
        # Mostly the latest product explains everything: the others are worked out when they are needed.
        if product_id not in self._near:
            model = self._model
            near = model.similar(product_id, _NEIGHBOURS) + model.bought_together([product_id], _NEIGHBOURS)
            self._near[product_id] = {each.item for each in near}
        return self._near[product_id]


def _wanted(limit: int) -> int:
    """More than asked for: some of it will be sold out."""
    return limit * 2 + 10
