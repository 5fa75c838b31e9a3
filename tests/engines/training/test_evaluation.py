"""The recommendations evaluation against figures worked out by hand."""

import gzip
import math

import numpy as np
import pytest

from haat.engines.training.blend import hit_rate, mask_seen, ndcg, ranks
from haat.engines.training.evaluation import (
    MODELS,
    Histories,
    InteractionsInvalid,
    evaluate,
    leave_one_out,
    parse_histories,
    read_histories,
)


def test_a_target_in_third_place_is_a_hit_worth_one_half():
    positions = np.array([2])
    assert (hit_rate(positions, 5), ndcg(positions, 5)) == (1.0, 0.5)


def test_figures_average_over_users_and_stop_at_their_depth():
    positions = np.array([0, 4, 5, 9, 10])
    assert hit_rate(positions, 5) == 0.4
    assert hit_rate(positions, 10) == 0.8
    assert ndcg(positions, 5) == pytest.approx((1 + 1 / math.log2(6)) / 5)
    assert ndcg(positions, 10) == pytest.approx((1 + 1 / math.log2(6) + 1 / math.log2(7) + 1 / math.log2(11)) / 5)


def test_ties_count_against_the_model():
    assert ranks(np.array([[1.0, 1.0, 1.0]], np.float32), np.array([0])).tolist() == [2]


def test_seen_items_leave_the_ranking():
    scores = mask_seen(np.array([[9.0, 8.0, 7.0]], np.float32), [np.array([0, 1])])
    assert ranks(scores, np.array([2])).tolist() == [0]


def test_a_target_seen_before_can_never_be_hit():
    scores = mask_seen(np.array([[9.0, 8.0, 7.0]], np.float32), [np.array([0])])
    assert ranks(scores, np.array([0])).tolist() == [2]


def test_fit_train_learns_from_all_but_the_last_two_and_knows_all_but_the_last():
    split = leave_one_out([np.array([0, 1, 2, 3])], "train")
    assert split.learn[0].tolist() == [0, 1]
    assert split.seen[0].tolist() == [0, 1, 2]
    assert split.targets.tolist() == [3]


def test_fit_train_and_validation_learns_from_all_but_the_last():
    assert leave_one_out([np.array([0, 1, 2, 3])], "train+validation").learn[0].tolist() == [0, 1, 2]


def test_users_of_one_item_are_learned_from_but_not_tested():
    split = leave_one_out([np.array([0]), np.array([1, 2])], "train+validation")
    assert split.targets.tolist() == [2]
    assert len(split.learn) == 2


def test_every_bad_line_is_told_with_its_number():
    with pytest.raises(InteractionsInvalid) as refused:
        parse_histories([b"ann a b c", b"", b"bob", b"\xff\xfe x", b"ann d e"])
    assert refused.value.problems == [
        "line 3: user bob has no items",
        "line 4: not UTF-8 at byte 0",
        "line 5: user ann is already on line 1",
    ]


def test_an_empty_file_is_refused():
    with pytest.raises(InteractionsInvalid, match="nothing to test"):
        parse_histories([b""])


def test_a_gzip_file_reads_like_a_plain_one(tmp_path):
    content = b"ann a b c\r\nbob b c\n"
    (tmp_path / "plain.txt").write_bytes(content)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(content))
    plain, packed = read_histories(tmp_path / "plain.txt"), read_histories(tmp_path / "packed.gz")
    assert plain.items == packed.items == ["a", "b", "c"]
    assert [s.tolist() for s in packed.sequences] == [[0, 1, 2], [1, 2]]


def test_a_cut_off_gzip_file_is_refused(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"ann a b c\n" * 50)[:-9])
    with pytest.raises(InteractionsInvalid, match="gzip"):
        read_histories(tmp_path / "cut.gz")


def walks() -> Histories:
    """120 users walk a ring of 40 items, eight steps each: only the order tells what comes next."""
    sequences = [(np.arange(8) + user).astype(np.int32) % 40 for user in range(120)]
    return Histories([str(user) for user in range(120)], [str(item) for item in range(40)], sequences)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_reports_on_a_small_file(model):
    report = evaluate(walks(), model, "train")
    assert (report.users, report.items, report.interactions, report.tested) == (120, 40, 960, 120)


@pytest.mark.parametrize("model", ["default", "next"])
def test_models_of_order_find_the_next_step_of_a_walk(model):
    assert evaluate(walks(), model, "train").hr_at_5 == 1.0


def test_popularity_knows_nothing_of_a_walk():
    assert evaluate(walks(), "popularity", "train").hr_at_10 == 0.0


def test_the_tested_item_is_never_learned_from():
    """Every user has three items nobody else has: only a model that has read the answer can find the third."""
    sequences = [np.array([3 * user, 3 * user + 1, 3 * user + 2], np.int32) for user in range(60)]
    histories = Histories([str(user) for user in range(60)], [str(item) for item in range(180)], sequences)
    assert evaluate(histories, "default", "train+validation").hr_at_10 == 0.0
