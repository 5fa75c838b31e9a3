"""Categories: what readers see, and what staff write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from haat.kit.message import Message

Title = Annotated[str, Meta(min_length=1, max_length=300)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=200)]


class CategoryRef(Message, frozen=True):
    """`path` is the slugs from the root, such as ["electronics", "computers", "laptops"]."""

    id: str
    slug: str
    path: Sequence[str]
    title: str = ""


class CategoryNode(Message, frozen=True):
    """A category with its number of published products, descendants included."""

    id: str
    slug: str
    title: str
    path: Sequence[str]
    count: int
    children: Sequence[CategoryNode]


class NewCategory(Message, frozen=True):
    slug: Slug
    title: Title
    parent_slug: str | None = None
    position: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0


class SaveCategories(Message, frozen=True):
    """Create or rename categories, parents first; a category does not move. Safe to repeat."""

    categories: Sequence[NewCategory]
