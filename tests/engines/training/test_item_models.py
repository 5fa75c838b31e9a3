"""Item-to-item models on three items, worked out by hand."""

import numpy as np
import pytest
from scipy import sparse

from haat.engines.training.baskets import together
from haat.engines.training.content import content_similarity, content_vectors
from haat.engines.training.histories import followers, history_matrix, prefixes
from haat.engines.training.item_models import bm25, cosine, ease, next_item, sequence_window
from haat.ports.training import ItemText


def rows(*sequences: list[int]) -> list[np.ndarray]:
    return [np.array(sequence, np.int32) for sequence in sequences]


def test_a_history_fades_by_one_e_per_decay():
    weights = history_matrix(rows([2, 0]), 3, 1.0).toarray()
    assert weights[0] == pytest.approx([1.0, 0.0, np.exp(-1)])


def test_a_history_without_decay_counts_an_item_once():
    assert history_matrix(rows([1, 1]), 2, None).toarray().tolist() == [[0.0, 1.0]]


def test_ease_on_three_items():
    """Users {0,1}, {0,1}, {1,2}, regularisation 1: G + I = [[3,2,0],[2,4,1],[0,1,2]], whose determinant is 13 and whose
    inverse is [[7,-4,2],[-4,6,-3],[2,-3,8]] / 13; B = -P / diag(P) by column, zero on the diagonal."""
    weights = ease(rows([0, 1], [0, 1], [1, 2]), 3, 1.0)
    assert weights == pytest.approx(np.array([[0, 4 / 6, -2 / 8], [4 / 7, 0, 3 / 8], [-2 / 7, 3 / 6, 0]]), abs=1e-6)


def test_next_item_regression_equals_the_textbook_ridge_without_its_diagonal():
    sequences = rows([0, 1, 2], [0, 1], [2, 0])
    past, following = prefixes(sequences, 3, 1.0, 3)
    x, y = past.toarray(), np.eye(3)[following]
    inverse = np.linalg.inv(x.T @ x + 2.0 * np.eye(3))
    free = inverse @ x.T @ y
    expected = free - inverse * (np.diag(free) / np.diag(inverse))
    weights = next_item(sequences, 3, 1.0, 2.0)
    assert weights == pytest.approx(expected, abs=1e-5)
    assert np.diag(weights) == pytest.approx([0, 0, 0], abs=1e-6)


def test_cosine_of_two_items_shared_by_one_of_two_buyers():
    """Item 0 has two buyers, item 1 one of them: 1 / sqrt(2 * 1)."""
    assert cosine(rows([0, 1], [0]), 2, 5).toarray()[0, 1] == pytest.approx(1 / np.sqrt(2))


@pytest.mark.parametrize("model", [cosine, bm25])
def test_no_item_is_its_own_neighbour(model):
    assert np.diag(model(rows([0, 1], [0, 2], [1]), 3, 5).toarray()).tolist() == [0, 0, 0]


@pytest.mark.parametrize("model", [cosine, bm25])
def test_no_history_gives_no_neighbours(model):
    assert model(rows([]), 2, 5).nnz == 0


def test_followers_fade_with_distance():
    counts = followers(rows([0, 1, 2]), 3, 1.0, 2).toarray()
    assert counts == pytest.approx(np.array([[0, 1, np.exp(-1)], [0, 0, 1], [0, 0, 0]]))


def test_a_window_is_shrunk_by_five_pseudo_counts():
    near = sequence_window(rows([0, 1]), 2, 1.0, 1, 1.0).toarray()
    assert near == pytest.approx(np.array([[0, 1 / 6], [1 / 6, 0]]))


def test_prefixes_are_every_moment_and_what_came_next():
    past, following = prefixes(rows([0, 1, 2]), 3, 1.0, 2)
    assert past.toarray() == pytest.approx(np.array([[1, 0, 0], [np.exp(-1), 1, 0]]))
    assert following.tolist() == [1, 2]


def test_bought_together_is_cosine_shrunk_by_its_support():
    """Four baskets, pair (0, 1) in two of them, both items bought twice: cosine 1, n / (n + 2) = 1/2."""
    strength = together(rows([0, 1], [0, 1], [2], [2]), np.array([1, 2, 3, 4]), 3, 2.0, 2)
    assert strength.toarray()[0].tolist() == [0.0, 0.5, 0.0]


def test_a_pair_of_one_buyer_shows_nothing():
    strength = together(rows([0, 1], [0, 1], [2], [2]), np.array([1, 1, 3, 4]), 3, 2.0, 2)
    assert strength.nnz == 0


def test_a_pair_no_oftener_than_chance_shows_nothing():
    """Two items in every basket meet always, and by chance always too: lift 1."""
    assert together(rows([0, 1], [0, 1]), np.array([1, 2]), 2, 2.0, 2).nnz == 0


def test_content_prefers_the_deeper_shared_category():
    texts = [
        ItemText("laptop", "Veda 14", category=("electronics", "computers", "laptops")),
        ItemText("other laptop", "Kavi 15", category=("electronics", "computers", "laptops")),
        ItemText("monitor", "Drishti 27", category=("electronics", "computers", "monitors")),
        ItemText("kurta", "Cotton kurta", category=("fashion",)),
    ]
    likeness = content_similarity(content_vectors(texts, range(4), 4), 3).toarray()
    assert likeness[0].argsort().tolist()[::-1][:2] == [1, 2]
    assert likeness[0, 3] == 0.0


def test_content_keeps_unit_length_and_empty_rows():
    vectors = content_vectors([ItemText("a", "red cup"), ItemText("b", "blue cup")], [0, 2], 3)
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1)).ravel().tolist()[0]
    assert lengths == pytest.approx([1.0, 0.0, 1.0])
    assert sparse.issparse(vectors)
