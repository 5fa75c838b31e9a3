"""Similar products by their words: TF-IDF over title, brand, category and attributes; needs no shopper at all."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from haat.engines.training.histories import Sparse
from haat.ports.training import ItemText

WORD = re.compile(r"\w+")
TITLE, CATEGORY, BRAND, ATTRIBUTE = 2.0, 2.0, 1.0, 1.5
BATCH = 512


def terms(text: ItemText) -> dict[str, float]:
    """Weighted terms; a field marks its own, so that the brand "Apple" is not the fruit in a title."""
    found: Counter[str] = Counter()
    for word in WORD.findall(text.title.lower()):
        found[word] += TITLE  # type: ignore[assignment]
    # Deeper levels say more: two laptops are nearer than two things of "Electronics", which idf sees to.
    for depth in range(len(text.category)):
        found["in:" + "/".join(text.category[: depth + 1]).lower()] += CATEGORY  # type: ignore[assignment]
    if text.brand:
        found["by:" + text.brand.lower()] += BRAND  # type: ignore[assignment]
    for name, value in text.attributes.items():
        found[f"{name}={value}".lower()] += ATTRIBUTE  # type: ignore[assignment]
    return {term: 1.0 + math.log(weight) for term, weight in found.items()}


def content_vectors(texts: Sequence[ItemText], rows: Sequence[int], items: int) -> Sparse:
    """Unit vectors, text k in row `rows[k]` of items x terms; rows without text stay empty."""
    weighed = [terms(text) for text in texts]
    vocabulary = {term: column for column, term in enumerate(sorted({t for text in weighed for t in text}))}
    lengths = [len(text) for text in weighed]
    columns = [vocabulary[term] for text in weighed for term in text]
    values = np.array([weight for text in weighed for weight in text.values()], dtype=np.float32)
    documents = np.bincount(np.array(columns, dtype=np.int64), minlength=len(vocabulary))
    rarity = np.log((1.0 + len(texts)) / (1.0 + documents))
    cells = (values * rarity[columns].astype(np.float32), (np.repeat(rows, lengths), columns))
    matrix = sparse.csr_matrix(cells, shape=(items, len(vocabulary)), dtype=np.float32)
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.where(length > 0, 1.0 / np.where(length > 0, length, 1.0), 0.0)
    return (sparse.diags(scale.astype(np.float32)) @ matrix).tocsr()


def content_similarity(vectors: Sparse, neighbours: int) -> Sparse:
    """Cosine between items, the `neighbours` best of each row kept."""
    kept = []
    transposed = vectors.T.tocsc()
    for start in range(0, vectors.shape[0], BATCH):
        block = (vectors[start : start + BATCH] @ transposed).tocsr()
        rows, columns, values = [], [], []
        for row in range(block.shape[0]):
            cells = slice(block.indptr[row], block.indptr[row + 1])
            others = np.flatnonzero(block.indices[cells] != start + row)
            order = others[np.argsort(-block.data[cells][others], kind="stable")[:neighbours]]
            rows.append(np.full(len(order), row))
            columns.append(block.indices[cells][order])
            values.append(block.data[cells][order])
        cells_kept = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        kept.append(sparse.csr_matrix(cells_kept, shape=block.shape, dtype=np.float32))
    empty = sparse.csr_matrix((vectors.shape[0], vectors.shape[0]), dtype=np.float32)
    return sparse.vstack(kept).tocsr() if kept else empty
