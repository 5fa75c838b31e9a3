"""What a cart refuses, and what it tells."""

from __future__ import annotations

from haat.kit.message import DomainError, Event


class WishlistFull(DomainError):
    """A wishlist holds at most 200 products."""

    code = "wishlist_full"
    title = "The wishlist holds 200 products already"


class NotForSale(DomainError):
    """The product or variant does not exist or is not published."""

    code = "not_for_sale"
    status = 404
    title = "This product cannot be bought"


class CartFull(DomainError):
    """A cart holds at most 100 different items."""

    code = "cart_full"
    title = "The cart holds 100 different items already"


class ItemAdded(Event, frozen=True):
    cart_id: str
    product_id: str
    sku: str
    quantity: int
    user_id: str | None = None

    @property
    def key(self) -> str:
        return self.cart_id


class WishCameBack(Event, frozen=True):
    """A product on a user's wishlist that was sold out can be had again.

    Told once a week at most for each wish, unless nothing came of it (`not_told`).
    """

    user_id: str
    product_id: str

    @property
    def key(self) -> str:
        return self.user_id
