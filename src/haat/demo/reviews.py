"""Writes the customers' reviews of the demo shop from spoken lines."""

from functools import cache
from random import Random
from typing import Any

from haat.demo.records import DemoReview
from haat.demo.source import table

_MOODS = {5: "good", 4: "good", 3: "mixed", 2: "poor", 1: "poor"}


def reviews_of(category: str, popularity: int, published_days_ago: int, rng: Random) -> list[DemoReview]:
    """None to a dozen reviews, more for popular products, no line twice on one product."""
    wanted = min(12, int(rng.expovariate(1.0) * 2 + popularity / 9))
    lines = table("reviews")["group"][_group(category)]
    quality = rng.choice((0, 1, 1, 2, 2, 2))
    unused = {mood: rng.sample(lines[mood], len(lines[mood])) for mood in ("good", "mixed", "poor")}
    people = table("people")
    reviews = []
    for _ in range(wanted):
        rating = rng.choices((5, 4, 3, 2, 1), _SHARES[quality])[0]
        left = unused[_MOODS[rating]]
        if not left:
            continue
        title, body = (part.strip() for part in left.pop().split("|"))
        tail = rng.choice(table("reviews")["tails"]["lines"])
        reviews.append(
            DemoReview(
                author=f"{rng.choice(people['first'])} {rng.choice(people['last'])[0]}.",
                rating=rating,
                title=title,
                body=f"{body} {tail}".strip(),
                days_ago=rng.randint(1, max(2, min(published_days_ago - 1, 400))),
                verified=rng.random() < 0.85,
            )
        )
    return reviews


# Chances of 5, 4, 3, 2 and 1 stars for a weak, a usual and an excellent product.
_SHARES = ((30, 30, 22, 12, 6), (48, 32, 12, 5, 3), (66, 25, 6, 2, 1))


@cache
def _group(category: str) -> str:
    parents = {slug: parent for slug, _, parent, _ in table("categories")["rows"]}
    while parents[category]:
        category = parents[category]
    kinds: dict[str, Any] = table("reviews")["kinds"]
    return next(group for group, tops in kinds.items() if category in tops)
