"""What every training engine promises, whatever it runs on."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from haat.engines.training.implicit_engine import ImplicitTrainingEngine
from haat.ports.training import Interactions, ItemText, TrainedModel, TrainingEngine, TrainingPlan

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GROUPS = ("tea", "phone", "shoe")
NOTHING = Interactions([], [], [], [], [])


@pytest.fixture(params=[ImplicitTrainingEngine], ids=["implicit"])
def engine(request) -> TrainingEngine:
    return request.param()


def texts() -> list[ItemText]:
    known = [ItemText(f"{g}-{n}", f"{g} {g}{n}", "brand", (g,)) for g in GROUPS for n in range(10)]
    return [*known, ItemText("tea-new", "tea fresh", "brand", ("tea",))]


def shopping() -> Interactions:
    """60 people, each of one taste, buy six things of their group in three baskets of two neighbours."""
    choose = random.Random(7)
    users, items, times, baskets = [], [], [], []
    for person in range(60):
        group = GROUPS[person % 3]
        for basket in range(3):
            first = choose.randrange(0, 5) * 2
            for item in (first, first + 1):
                users.append(f"u{person}")
                items.append(f"{group}-{item}")
                times.append((NOW - timedelta(days=30 - person % 20, minutes=-basket)).timestamp())
                baskets.append(f"o{person}-{basket}")
    return Interactions(users, items, [1.0] * len(users), times, baskets)


@pytest.fixture
def model(engine: TrainingEngine) -> TrainedModel:
    return engine.train(shopping(), texts(), TrainingPlan(), NOW)


def group(answers) -> set[str]:
    return {answer.item.split("-")[0] for answer in answers}


def test_a_model_says_its_name_and_time(model):
    assert (model.name, model.trained_at) == ("default", NOW)


def test_similar_items_share_their_buyers(model):
    answers = model.similar("tea-0", 5)
    assert len(answers) == 5
    assert group(answers) == {"tea"}


def test_a_new_item_is_similar_by_its_words(model):
    answers = model.similar("tea-new", 3)
    assert group(answers) == {"tea"}
    assert {answer.reason for answer in answers} == {"content"}


def test_an_unknown_item_has_no_neighbours(model):
    assert model.similar("nothing", 5) == []


def test_bought_together_finds_the_other_half_of_the_basket(model):
    assert model.bought_together(["phone-4"], 1)[0].item == "phone-5"


def test_a_basket_is_never_told_what_is_in_it(model):
    items = [f"phone-{number}" for number in range(10)]
    assert model.bought_together(items, 5) == []


def test_a_basket_of_unknown_items_gets_nothing(model):
    assert model.bought_together(["nothing"], 5) == []


def test_a_known_user_is_shown_their_taste(model):
    answers = model.for_you("u1", [], 3)
    assert group(answers) == {"phone"}
    assert {answer.reason for answer in answers} == {"for_you"}


def test_what_the_user_has_is_not_shown_again(model):
    history = {i for u, i in zip(shopping().users, shopping().items, strict=True) if u == "u1"}
    assert history.isdisjoint({answer.item for answer in model.for_you("u1", [], 30)})


def test_a_stranger_is_served_from_their_session(model):
    answers = model.for_you(None, ["shoe-2"], 3)
    assert group(answers) == {"shoe"}
    assert {answer.reason for answer in answers} == {"session"}


def test_a_stranger_without_a_session_sees_what_is_trending(model):
    assert model.for_you("nobody", [], 4) == model.trending(4)
    assert model.for_you(None, ["nothing"], 4) == model.trending(4)


def test_a_short_list_is_filled_with_trending_without_repeats(model):
    """30 products were ever bought, u0 has seen some of them and is shown every other one, once."""
    seen = {i for u, i in zip(shopping().users, shopping().items, strict=True) if u == "u0"}
    shown = [answer.item for answer in model.for_you("u0", [], 100)]
    assert sorted(shown) == sorted(set(shopping().items) - seen)


def test_excluded_items_never_show(model):
    banned = [f"tea-{number}" for number in range(10)]
    shown = model.similar("tea-new", 50, banned) + model.trending(50, banned) + model.for_you("u0", [], 50, banned)
    assert {answer.item for answer in shown}.isdisjoint(banned)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing_gives_nothing(model, limit):
    assert model.similar("tea-0", limit) == []
    assert model.bought_together(["tea-0"], limit) == []
    assert model.for_you("u0", [], limit) == []
    assert model.trending(limit) == []


def test_trending_halves_by_the_half_life(engine):
    """Old has three buyers two half-lives ago (3/4), fresh has two of now (2), lone has one: too few people."""
    old = (NOW - timedelta(days=14)).timestamp()
    now = NOW.timestamp()
    rows = [("a", "old", old), ("b", "old", old), ("c", "old", old)]
    rows += [("a", "fresh", now), ("b", "fresh", now), ("c", "lone", now)]
    users, items, times = (list(column) for column in zip(*rows, strict=True))
    trained = engine.train(Interactions(users, items, [1.0] * 6, times, [""] * 6), [], TrainingPlan(), NOW)
    assert [(a.item, a.score) for a in trained.trending(5)] == [("fresh", 2.0), ("old", 0.75)]


def test_one_robot_makes_neither_trends_nor_neighbours(engine):
    rows = shopping()
    robot = Interactions(
        [*rows.users, *["bot"] * 400],
        [*rows.items, *["tea-0", "junk"] * 200],
        [*rows.weights, *[5.0] * 400],
        [*rows.times, *[NOW.timestamp()] * 400],
        [*rows.baskets, *(f"b{number // 2}" for number in range(400))],
    )
    trained = engine.train(robot, texts(), TrainingPlan(), NOW)
    shown = trained.trending(50) + trained.similar("tea-0", 50) + trained.bought_together(["tea-0"], 50)
    shown += trained.for_you("u0", [], 50)
    assert "junk" not in {answer.item for answer in shown}


def test_the_future_is_not_learned_from(engine):
    later = (NOW + timedelta(seconds=1)).timestamp()
    rows = Interactions(["a", "b"], ["x", "x"], [1.0, 1.0], [later, later], ["", ""])
    assert engine.train(rows, [], TrainingPlan(), NOW).trending(5) == []


def test_no_data_at_all_gives_a_model_that_answers_nothing(engine):
    empty = engine.train(NOTHING, [], TrainingPlan(), NOW)
    assert empty.similar("x", 5) + empty.bought_together(["x"], 5) + empty.for_you("u", ["x"], 5) == []
    assert engine.load(empty.to_bytes()).trending(5) == []


def test_products_without_history_are_similar_by_words_alone(engine):
    cold = engine.train(NOTHING, texts(), TrainingPlan(), NOW)
    assert group(cold.similar("shoe-1", 5)) == {"shoe"}


def test_bytes_bring_the_same_answers_back(engine, model):
    again = engine.load(model.to_bytes())
    assert (again.name, again.trained_at) == (model.name, model.trained_at)
    assert again.similar("tea-0", 9) == model.similar("tea-0", 9)
    assert again.bought_together(["tea-0"], 9) == model.bought_together(["tea-0"], 9)
    assert again.for_you("u5", ["tea-3"], 9) == model.for_you("u5", ["tea-3"], 9)
    assert again.trending(9) == model.trending(9)


def test_training_twice_gives_the_same_bytes(engine, model):
    assert engine.train(shopping(), texts(), TrainingPlan(), NOW).to_bytes() == model.to_bytes()


@pytest.mark.parametrize("data", [b"", b"junk", b"\x80", b"\x81\xa6format\xa1x"])
def test_foreign_bytes_are_refused(engine, data):
    with pytest.raises(ValueError, match="trained model"):
        engine.load(data)


def test_cut_bytes_are_refused(engine, model):
    with pytest.raises(ValueError, match="trained model"):
        engine.load(model.to_bytes()[:-5])


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Interactions(["a"], [], [1.0], [0.0], [""])
