"""Small in-memory services behind the contracts that the pages call; they have no rules of their own."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from haat.contracts.cart import (
    AddItem,
    Cart,
    CartContents,
    CartItem,
    CartLine,
    CartMessage,
    CartView,
    ChangeItem,
    MergeCarts,
    NotForSale,
    Owner,
    RemoveItem,
    ViewCart,
    Wish,
    WishesOf,
    WishRef,
)
from haat.contracts.catalog import Catalog, CategoryNode, Product, ProductRef, Products, Review, ReviewsOf, WriteReview
from haat.contracts.identity import (
    AccessToken,
    AddressRef,
    AskEmailChange,
    AskReset,
    ChangeProfile,
    ConfirmEmail,
    EmailTaken,
    EndSession,
    Identity,
    KnownDevice,
    LinkRefused,
    ListOfUser,
    OfUser,
    Principal,
    Refresh,
    Register,
    ResetPassword,
    SaveAddress,
    SavedAddress,
    Session,
    SignIn,
    SignInRefused,
    TokenRefused,
    Tokens,
    User,
)
from haat.contracts.inventory import OutOfStock
from haat.contracts.recommendations import ModelInfo, Recommend, Recommendations, Recommended, Recommender, RecordClicks
from haat.contracts.search import (
    Card,
    Facets,
    FacetValue,
    Found,
    Search,
    SearchProducts,
    SuggestFor,
    Suggestion,
    Suggestions,
)
from haat.kit.message import Invalid, NotFound, Nothing, Page
from haat.kit.money import Money

MOMENT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)


class MemoryCatalog(Catalog):
    def __init__(self, products: list[Product], tree: list[CategoryNode]) -> None:
        self.by_ref = {ref: product for product in products for ref in (product.id, product.slug)}
        self.all = products
        self.tree = tree
        self.written: list[Review] = []

    async def product(self, ask: ProductRef) -> Product:
        if ask.ref not in self.by_ref:
            raise NotFound("There is no such product")
        return self.by_ref[ask.ref]

    async def products(self, ask: Products) -> Page[Product]:
        found = [self.by_ref[each] for each in ask.ids if each in self.by_ref]
        return Page(data=[each for each in found if ask.any_status or each.status == "published"])

    async def categories(self, ask: Nothing) -> Page[CategoryNode]:
        return Page(data=self.tree)

    async def reviews(self, ask: ReviewsOf) -> Page[Review]:
        product = self.by_ref[ask.product_id]
        return Page(data=[review for review in self.written if review.product_id == product.id][: ask.limit])

    async def write_review(self, ask: WriteReview) -> Review:
        review = Review(
            id=f"rev_{len(self.written)}",
            product_id=self.by_ref[ask.product_id].id,
            rating=ask.rating,
            title=ask.title,
            body=ask.body,
            author=ask.author,
            verified=ask.verified,
            created_at=ask.created_at or MOMENT,
        )
        self.written.append(review)
        return review


class MemorySearch(Search):
    def __init__(self, products: list[Product]) -> None:
        self.products = products

    async def search(self, ask: SearchProducts) -> Found:
        words = ask.q.lower().split()
        found = [each for each in self.products if all(word in _text(each) for word in words)]
        found = [each for each in found if not ask.category or ask.category in each.category.path]
        facets = self._facets(found)
        found = [each for each in found if not ask.brand or each.brand in ask.brand]
        low, high = ask.price_min or 0, ask.price_max if ask.price_max is not None else 10**12
        found = [each for each in found if low <= each.price.amount <= high]
        if ask.sort in ("price_asc", "price_desc"):
            found = sorted(found, key=lambda each: each.price.amount, reverse=ask.sort == "price_desc")
        start = int(ask.cursor or 0)
        page = found[start : start + ask.limit]
        more = start + ask.limit < len(found)
        return Found(
            data=[Card.of(each) for each in page],
            total=len(found),
            facets=facets,
            did_you_mean="laptop" if ask.q == "laptpo" else None,
            next_cursor=str(start + ask.limit) if more else None,
            has_more=more,
        )

    async def suggest(self, ask: SuggestFor) -> Suggestions:
        found = [each for each in self.products if ask.q.lower() in _text(each)][:5]
        return Suggestions(
            products=[Suggestion(text=each.title, slug=each.slug, image=each.images[0].url) for each in found],
            categories=[Suggestion(text=each.category.title, slug=each.category.slug) for each in found[:1]],
            queries=[ask.q + " for home"],
        )

    def _facets(self, found: list[Product]) -> Facets:
        def counted(values: list[tuple[str, str]]) -> list[FacetValue]:
            each = {value: values.count(value) for value in dict.fromkeys(values)}
            return [FacetValue(value=value, label=label, count=count) for (value, label), count in each.items()]

        return Facets(
            category=counted([(each.category.slug, each.category.title) for each in found]),
            brand=counted([(each.brand, each.brand) for each in found]),
            price=counted([_band(each.price.amount) for each in found]),
            rating=[FacetValue(value="4-", label="4 and up", count=len(found))],
        )


def _text(product: Product) -> str:
    return f"{product.title} {product.brand} {product.category.title} {product.product_type}".lower()


def _band(amount: int) -> tuple[str, str]:
    return ("0-100000", "up to ₹1,000") if amount < 100_000 else ("100000-", "₹1,000 and more")


class MemoryRecommender(Recommender):
    def __init__(self, products: list[Product]) -> None:
        self._products = products
        self.recorded: list[RecordClicks] = []

    async def record(self, ask: RecordClicks) -> Nothing:
        self.recorded.append(ask)
        return Nothing()

    async def recommend(self, ask: Recommend) -> Recommendations:
        start = {"similar": 3, "bought_together": 11, "for_you": 40, "trending": 80}[ask.kind] % len(self._products)
        shown = (self._products[start:] + self._products[:start])[:: max(1, len(self._products) // 40)][: ask.limit]
        reason = {"for_you": "Because you looked at laptops", "bought_together": "Bought together"}.get(ask.kind, "")
        return Recommendations(
            data=[Recommended(product=Card.of(each), reason=reason) for each in shown],
            model=ModelInfo(name="memory", trained_at=None),
        )


class MemoryCart(Cart):
    def __init__(self, catalog: MemoryCatalog) -> None:
        self._catalog = catalog
        self.lines: dict[str, list[CartItem]] = {}
        # Products that are not sold any more.
        self.withdrawn: set[str] = set()
        self.wished: dict[str, list[str]] = {}
        # Under which keys things were added.
        self.keys: list[str] = []

    def of(self, owner: Owner) -> str:
        return owner.user_id or owner.token or "crt_new"

    async def wishes(self, ask: WishesOf) -> Page[Wish]:
        return Page(data=[Wish(product_id=each, added_at=MOMENT) for each in self.wished.get(ask.user_id, [])])

    async def wish(self, ask: WishRef) -> Nothing:
        self.wished.setdefault(ask.user_id, []).insert(0, ask.product_id)
        return Nothing()

    async def unwish(self, ask: WishRef) -> Nothing:
        self.wished[ask.user_id].remove(ask.product_id)
        return Nothing()

    async def view(self, ask: ViewCart) -> CartView:
        return self._view(ask.owner)

    async def contents(self, ask: ViewCart) -> CartContents:
        lines = [
            CartLine(item_id=i.id, product_id=i.product_id, variant_id=i.variant_id, quantity=i.quantity)
            for i in self.lines.get(self.of(ask.owner), [])
        ]
        return CartContents(cart_id="crt_1", version=len(lines), lines=lines)

    async def add_item(self, ask: AddItem) -> CartView:
        found = [(p, v) for p in self._catalog.all for v in p.variants if v.id == ask.variant_id]
        if not found or found[0][0].id in self.withdrawn:
            raise NotForSale()
        (product, variant) = found[0]
        lines = self.lines.setdefault(self.of(ask.owner), [])
        there = next((line for line in lines if line.variant_id == variant.id), None)
        wanted = ask.quantity + (there.quantity if there else 0)
        if wanted > variant.available:
            raise OutOfStock(sku=variant.sku, available=variant.available, requested=wanted)
        item = CartItem(
            id=f"itm_{variant.id}",
            product_id=product.id,
            variant_id=variant.id,
            sku=variant.sku,
            title=product.title,
            slug=product.slug,
            options=variant.options,
            image=product.images[0].url,
            quantity=wanted,
            unit_price=variant.price,
            line_total=variant.price.times(wanted),
            available=variant.available,
            added_at=MOMENT,
        )
        self.lines[self.of(ask.owner)] = [line for line in lines if line is not there] + [item]
        self.keys += [ask.idempotency.key] if ask.idempotency else []
        return self._view(ask.owner)

    async def change_item(self, ask: ChangeItem) -> CartView:
        key = self.of(ask.owner)
        self.lines[key] = [
            msgspec.structs.replace(i, quantity=ask.quantity, line_total=i.unit_price.times(ask.quantity))
            if i.id == ask.item_id
            else i
            for i in self.lines.get(key, [])
        ]
        return self._view(ask.owner)

    async def remove_item(self, ask: RemoveItem) -> CartView:
        key = self.of(ask.owner)
        self.lines[key] = [i for i in self.lines.get(key, []) if i.id != ask.item_id]
        return self._view(ask.owner)

    async def merge(self, ask: MergeCarts) -> Nothing:
        self.lines.setdefault(ask.user_id, []).extend(self.lines.pop(ask.token, []))
        return Nothing()

    def _view(self, owner: Owner) -> CartView:
        lines = self.lines.get(self.of(owner), [])
        items = [i for i in lines if i.product_id not in self.withdrawn]
        gone = [i for i in lines if i.product_id in self.withdrawn]
        return CartView(
            id="crt_1",
            items=items,
            subtotal=Money(sum(i.line_total.amount for i in items)),
            messages=[
                CartMessage(code="unavailable", detail=f"{i.title} is not sold any more", item_id=i.id) for i in gone
            ],
            version=len(lines),
            token=None if owner.user_id else owner.token or "crt_new",
        )


class MemoryIdentity(Identity):
    def __init__(self) -> None:
        self.users: dict[str, tuple[User, str]] = {}
        self.book: dict[str, SavedAddress] = {}
        self.kept: dict[str, SavedAddress] = {}
        self.refreshed = 0
        self.asked: list[object] = []

    async def register(self, ask: Register) -> User:
        if any(user.email == ask.email for user, _ in self.users.values()):
            raise EmailTaken()
        user = User(id=f"usr_{len(self.users)}", email=ask.email, name=ask.name, roles=[], created_at=MOMENT)
        self.users[user.id] = (user, ask.password)
        return user

    async def sign_in(self, ask: SignIn) -> Tokens:
        for user, password in self.users.values():
            if user.email == ask.email and password == ask.password:
                self.asked.append(ask)
                return msgspec.structs.replace(_tokens(user.id), device=ask.device or f"device-{user.id}")
        raise SignInRefused()

    async def refresh(self, ask: Refresh) -> Tokens:
        user_id = ask.refresh_token.removeprefix("refresh-")
        if user_id not in self.users:
            raise TokenRefused()
        self.refreshed += 1
        return _tokens(user_id)

    async def authenticate(self, ask: AccessToken) -> Principal:
        user_id = ask.token.removeprefix("access-")
        if user_id not in self.users:
            raise TokenRefused()
        return Principal(user_id=user_id, session_id="ses_1", roles=[], expires_at=datetime(2099, 1, 1, tzinfo=UTC))

    async def end_session(self, ask: EndSession) -> Nothing:
        return Nothing()

    async def sessions(self, ask: ListOfUser) -> Page[Session]:
        here = Session(
            id="ses_1", created_at=MOMENT, last_used_at=MOMENT, address="127.0.0.1", user_agent="Firefox", current=True
        )
        return Page(data=[here, msgspec.structs.replace(here, id="ses_2", current=False, user_agent="Chrome/Android")])

    async def user(self, ask: OfUser) -> User:
        return self.users[ask.user_id][0]

    async def change_profile(self, ask: ChangeProfile) -> User:
        user, password = self.users[ask.user_id]
        if ask.password and ask.current_password != password:
            raise Invalid(
                errors=[{"pointer": "/current_password", "code": "invalid", "detail": "is not your password"}]
            )
        self.asked.append(ask)
        changed = msgspec.structs.replace(
            user, name=ask.name or user.name, phone=user.phone if ask.phone is msgspec.UNSET else ask.phone
        )
        self.users[ask.user_id] = (changed, ask.password or password)
        return changed

    async def ask_reset(self, ask: AskReset) -> Nothing:
        self.asked.append(ask)
        return Nothing()

    async def reset_password(self, ask: ResetPassword) -> KnownDevice:
        if ask.token != "ltr_1.good":
            raise LinkRefused()
        self.asked.append(ask)
        return KnownDevice(device="device-of-the-link")

    async def ask_email_change(self, ask: AskEmailChange) -> Nothing:
        if ask.current_password != self.users[ask.user_id][1]:
            raise Invalid(errors=[{"pointer": "/current_password", "code": "invalid", "detail": "is wrong"}])
        self.asked.append(ask)
        return Nothing()

    async def confirm_email(self, ask: ConfirmEmail) -> User:
        if ask.token != "ltr_1.good":
            raise LinkRefused()
        self.asked.append(ask)
        return next(iter(self.users.values()))[0]

    async def addresses(self, ask: ListOfUser) -> Page[SavedAddress]:
        return Page(data=list(self.book.values()))

    async def save_address(self, ask: SaveAddress) -> SavedAddress:
        if ask.idempotency is not None and ask.idempotency.key in self.kept:
            return self.kept[ask.idempotency.key]
        saved = SavedAddress(
            id=ask.address_id or f"adr_{len(self.book)}", address=ask.address, is_default=not self.book
        )
        self.book[saved.id] = saved
        if ask.idempotency is not None:
            self.kept[ask.idempotency.key] = saved
        return saved

    async def remove_address(self, ask: AddressRef) -> Nothing:
        self.book.pop(ask.address_id, None)
        return Nothing()


def _tokens(user_id: str) -> Tokens:
    return Tokens(
        access_token=f"access-{user_id}",
        expires_in=900,
        refresh_token=f"refresh-{user_id}",
        user_id=user_id,
        session_id="ses_1",
    )
