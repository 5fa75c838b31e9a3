"""Small in-memory services behind the contracts that the back office calls; each remembers what it was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from haat.contracts.catalog import (
    Catalog,
    CategoryNode,
    CategoryRef,
    ChangeProduct,
    CreateProduct,
    Encoded,
    ImportJob,
    JobRef,
    ListProducts,
    Product,
    ProductLines,
    ProductRef,
    Products,
    Rating,
    RemoveProduct,
    RowFault,
    ScanProducts,
    Skus,
    StartImport,
    TaxClasses,
    Variant,
)
from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.fraud import Decide, Fraud, Reason, Review
from haat.contracts.fraud import ReviewsOf as FraudReviewsOf
from haat.contracts.identity import (
    AccessToken,
    Address,
    AddressUnproven,
    EndSession,
    FindUsers,
    Identity,
    LastOwner,
    ListOfUser,
    ListStaff,
    OfUser,
    Principal,
    Refresh,
    SavedAddress,
    Session,
    SignIn,
    SignInRefused,
    StaffRole,
    TokenRefused,
    Tokens,
    User,
)
from haat.contracts.inventory import (
    Adjust,
    Alert,
    AlertsOf,
    AnnounceDrop,
    History,
    HistoryOf,
    Inventory,
    Level,
    Location,
    OutOfStock,
    SetLowMark,
    SetPriority,
    SkuRef,
    StockEvent,
    Transfer,
)
from haat.contracts.media import Media, MediaList, MediaOf, MediaStore, Upload
from haat.contracts.notifications import Mail, Mailbox, MailRef, Notifications
from haat.contracts.orders import (
    ApproveReturn,
    CancelOrder,
    CaptureOrder,
    DayFigures,
    FiguresOf,
    InvoiceFile,
    ListOrders,
    ListReturns,
    Order,
    OrderOf,
    OrderPayment,
    OrderReturn,
    Orders,
    OrderStateError,
    ReceiveReturn,
    RefundOrder,
    RejectReturn,
    Return,
    ReturnItem,
    ShipOrder,
    StuckOf,
    StuckWork,
    TakeBack,
    TimelineEntry,
)
from haat.contracts.promotions import Coupon, CouponRef, CouponsOf, NewCoupon, Promotions, SaveCoupon
from haat.contracts.search import Facets, Found, Search, SearchProducts
from haat.kit.message import DomainError, NotFound, Nothing, Page
from haat.kit.money import Money
from haat.kit.problem import Precondition
from haat.ports.parked_events import ParkedEvent

MOMENT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
ROLES = ("catalogue", "finance", "fulfilment", "support", "owner")
HOME = Address(name="Asha Rao", line1="12, MG Road", city="Bengaluru", region="Karnataka", postal_code="560001")
# As typed, blanks and all.
PASSWORD = " open-sesame-9"


def line(n: int, quantity: int, unit: int) -> QuoteLine:
    """An order's line of SKU `SKU-n`."""
    return QuoteLine(
        id=f"itm_{n}",
        product_id=f"prd_{n}",
        variant_id=f"var_{n}",
        sku=f"SKU-{n}",
        title=f"Thing {n} <b>",
        slug=f"thing-{n}",
        options={"Colour": "Red"},
        image="",
        quantity=quantity,
        unit_price=Money(unit),
        discount=Money(0),
        total=Money(unit * quantity),
        tax=Money(0),
        tax_basis_points=1800,
        hsn="9405",
        weight_grams=100,
    )


def order(status: str = "confirmed", **changes: Any) -> Order:
    """A paid order of three units of ₹1,000 and one of ₹333.33."""
    lines = [line(1, 3, 100_000), line(2, 1, 33_333)]
    total = Money(333_333)
    totals = Totals(subtotal=total, discount=Money(0), shipping=Money(0), tax=Money(0), total=total, tax_lines=[])
    made = Order(
        id="ord_1",
        number="HT-1234ABCD",
        status=status,
        items=lines,
        totals=totals,
        payment=OrderPayment(
            status="paid", id="pay_1", method="card", summary="Visa •••• 4242", captured=total, refunded=Money(0)
        ),
        shipments=[],
        timeline=[TimelineEntry(at=MOMENT, type="placed", detail="Order placed")],
        returns=[],
        email="asha@example.com",
        shipping_address=HOME,
        placed_at=MOMENT,
    )
    return msgspec.structs.replace(made, **changes)


def product(**changes: Any) -> Product:
    """A published lamp in version 4."""
    made = Product(
        id="prd_1",
        slug="lamp",
        title="Lamp",
        description="Light.",
        brand="Deepa",
        category=CategoryRef(id="cat_1", slug="lamps", path=["lamps"], title="Lamps"),
        price=Money(129_900),
        images=[],
        variants=[Variant(id="var_1", sku="LAMP-1", options={"Colour": "Red"}, price=Money(129_900), available=3)],
        attributes={"watts": 40, "model": "501", "dimmable": True},
        rating=Rating(),
        version=4,
    )
    return msgspec.structs.replace(made, **changes)


class MemoryIdentity(Identity):
    """Tokens are role names, and `shopper`; `refresh-ROLE` renews. E-mails are `ROLE@haat.example`."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def authenticate(self, ask: AccessToken) -> Principal:
        if ask.token not in (*ROLES, "shopper"):
            raise TokenRefused()
        roles = [] if ask.token == "shopper" else [ask.token]
        ends = datetime.now(UTC) + timedelta(minutes=10)
        return Principal(user_id=f"usr_{ask.token}", session_id="ses_1", roles=roles, expires_at=ends)

    async def sign_in(self, ask: SignIn) -> Tokens:
        self.asked.append(ask)
        if ask.password != PASSWORD:
            raise SignInRefused()
        return self._tokens(ask.email.partition("@")[0])

    async def refresh(self, ask: Refresh) -> Tokens:
        self.asked.append(ask)
        if not ask.refresh_token.startswith("refresh-"):
            raise TokenRefused()
        return self._tokens(ask.refresh_token.removeprefix("refresh-"))

    async def end_session(self, ask: EndSession) -> Nothing:
        self.asked.append(ask)
        return Nothing()

    async def user(self, ask: OfUser) -> User:
        if ask.user_id == "usr_none":
            raise NotFound()
        return User(id=ask.user_id, email="asha@example.com", name="Asha Rao", roles=[], created_at=MOMENT)

    async def find_users(self, ask: FindUsers) -> Page[User]:
        return Page(data=[await self.user(OfUser(user_id=each)) for each in ask.ids or ["usr_1"]])

    async def staff(self, ask: ListStaff) -> Page[User]:
        roles = ["owner", "support"]
        return Page(data=[User(id="usr_2", email="ravi@example.com", name="Ravi <b>", roles=roles, created_at=MOMENT)])

    async def give_role(self, ask: StaffRole) -> User:
        self.asked.append(ask)
        if ask.email == "nobody@example.com":
            raise NotFound("Nobody has an account with this e-mail")
        if ask.email == "unproven@example.com":
            raise AddressUnproven()
        return await self.user(OfUser(user_id="usr_2"))

    async def take_role(self, ask: StaffRole) -> User:
        self.asked.append(ask)
        if ask.role == "owner":
            raise LastOwner()
        return await self.user(OfUser(user_id="usr_2"))

    async def sessions(self, ask: ListOfUser) -> Page[Session]:
        one = Session(id="ses_9", created_at=MOMENT, last_used_at=MOMENT, address="", user_agent="Firefox on Linux")
        return Page(data=[one])

    async def addresses(self, ask: ListOfUser) -> Page[SavedAddress]:
        return Page(data=[])

    def _tokens(self, name: str) -> Tokens:
        return Tokens(
            access_token=name,
            expires_in=600,
            refresh_token=f"refresh-{name}",
            user_id=f"usr_{name}",
            session_id="ses_1",
        )


class MemoryOrders(Orders):
    """One order, and what was asked of it; `refusal` is raised by the next act, what `waits` is done later."""

    def __init__(self) -> None:
        self.one = order()
        self.asked: list[Any] = []
        self.refusal: OrderStateError | None = None
        self.waits = False

    async def order(self, ask: OrderOf) -> Order:
        if ask.order not in (self.one.id, self.one.number):
            raise NotFound()
        return self.one

    async def orders(self, ask: ListOrders) -> Page[Order]:
        self.asked.append(ask)
        return Page(data=[self.one], has_more=ask.cursor is None, next_cursor=None if ask.cursor else "next")

    async def returns(self, ask: ListReturns) -> Page[OrderReturn]:
        self.asked.append(ask)
        titles = {line.id: line.title for line in self.one.items}
        kept = [each for each in self.one.returns if (each.status == "refunded") is ask.ended]
        return Page(data=[OrderReturn(each, self.one.number, "Asha Rao", titles) for each in kept])

    async def stuck(self, ask: StuckOf) -> Page[StuckWork]:
        tried = {"tries": 17, "error": "carrier: <b>no answer</b>", "created_at": MOMENT, "next_try_at": MOMENT}
        return Page(data=[StuckWork(task_id="tsk_1", order_id="ord_1", number=self.one.number, kind="cancel", **tried)])

    async def figures(self, ask: FiguresOf) -> Page[DayFigures]:
        return Page(data=[DayFigures(ask.last, 12, Money(3_333_300)), DayFigures(ask.first, 1, Money(99_900))])

    async def invoice(self, ask: OrderOf) -> InvoiceFile:
        return InvoiceFile(number="HT2627-000001", pdf=b"%PDF-")

    async def _act(self, ask: Any) -> Order:
        if self.refusal:
            raise self.refusal
        self.asked.append(ask)
        return self.one if self.waits else msgspec.structs.replace(self.one, version=self.one.version + 1)

    async def ship(self, ask: ShipOrder) -> Order:
        return await self._act(ask)

    async def take_back(self, ask: TakeBack) -> Order:
        return await self._act(ask)

    async def cancel(self, ask: CancelOrder) -> Order:
        one = await self._act(ask)
        return one if self.waits else msgspec.structs.replace(one, status="canceled")

    async def capture(self, ask: CaptureOrder) -> Order:
        return await self._act(ask)

    async def refund(self, ask: RefundOrder) -> Order:
        one = await self._act(ask)
        paid = one.payment if self.waits else msgspec.structs.replace(one.payment, refunded=Money(100))
        return msgspec.structs.replace(one, payment=paid)

    async def _moved(self, ask: Any, status: str) -> Return:
        await self._act(ask)
        back = self.one.returns[0]
        return back if self.waits else msgspec.structs.replace(back, status=status)

    async def approve_return(self, ask: ApproveReturn) -> Return:
        return await self._moved(ask, "approved")

    async def reject_return(self, ask: RejectReturn) -> Return:
        return await self._moved(ask, "rejected")

    async def receive_return(self, ask: ReceiveReturn) -> Return:
        return await self._moved(ask, "refunded")


def returned(units: int) -> Return:
    """A requested return of the first line."""
    items = [ReturnItem(item_id="itm_1", quantity=units, reason="too small")]
    return Return(
        id="ret_1",
        order_id="ord_1",
        status="requested",
        items=items,
        refund=Money(100_000 * units),
        created_at=MOMENT,
        timeline=[],
    )


class MemoryCatalog(Catalog):
    """One product; a change of another version than its own is refused."""

    def __init__(self) -> None:
        self.one = product()
        self.asked: list[Any] = []
        self.refusal: DomainError | None = None
        # What somebody saves before a change comes.
        self.meanwhile: Product | None = None

    async def product(self, ask: ProductRef) -> Product:
        if ask.ref not in (self.one.id, self.one.slug):
            raise NotFound()
        return self.one

    async def products(self, ask: Products) -> Page[Product]:
        return Page(data=[self.one])

    async def list_products(self, ask: ListProducts) -> Encoded:
        return Encoded(body=msgspec.json.encode(Page(data=[self.one])), etag='"1"')

    async def scan_products(self, ask: ScanProducts) -> ProductLines:
        self.asked.append(ask)
        if ask.after:
            return ProductLines(lines=b"", last_id=None)
        return ProductLines(lines=msgspec.json.encode(self.one) + b"\n", last_id=self.one.id)

    async def categories(self, ask: Nothing) -> Page[CategoryNode]:
        return Page(data=[CategoryNode(id="cat_1", slug="lamps", title="Lamps", path=["lamps"], count=1, children=[])])

    async def tax_classes(self, ask: Nothing) -> TaxClasses:
        return TaxClasses(classes=["standard", "reduced"])

    async def known_skus(self, ask: Skus) -> Skus:
        return Skus(skus=[sku for sku in ask.skus if sku in ("LAMP-1", "NEW-1")])

    async def create_product(self, ask: CreateProduct) -> Product:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(ask)
        return self.one

    async def change_product(self, ask: ChangeProduct) -> Product:
        if self.meanwhile is not None:
            self.one = self.meanwhile
        if ask.version != self.one.version:
            raise Precondition()
        self.asked.append(ask)
        return self.one

    async def remove_product(self, ask: RemoveProduct) -> Nothing:
        self.asked.append(ask)
        return Nothing()

    async def start_import(self, ask: StartImport) -> ImportJob:
        self.asked.append(ask)
        return await self.import_job(JobRef(job_id="imp_1"))

    async def import_job(self, ask: JobRef) -> ImportJob:
        fault = RowFault(line=3, pointer="/price", code="wrong_type", detail="'abc' is not a number")
        return ImportJob(
            id=ask.job_id,
            status="running" if ask.job_id == "imp_running" else "done",
            rows=2,
            created=1,
            updated=0,
            errors=[fault],
            created_at=MOMENT,
            error_count=1,
        )


class MemoryMedia(MediaStore):
    def __init__(self) -> None:
        self.taken: list[Media] = []

    async def upload(self, ask: Upload) -> Media:
        number = len(self.taken) + 1
        made = Media(id=f"med_{number}", url=f"/media/{number}.jpg", alt=ask.alt, width=4, height=3, renditions=[])
        self.taken.append(made)
        return made

    async def media(self, ask: MediaOf) -> MediaList:
        return MediaList(data=[each for each in self.taken if each.id in ask.ids])


class MemoryInventory(Inventory):
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.level = Level(sku="LAMP-1", location="main", on_hand=4, reserved=1, available=3, low_stock_at=5, version=2)
        self.elsewhere: list[Level] = []

    async def alerts(self, ask: AlertsOf) -> Page[Alert]:
        return Page(data=[Alert(sku="LAMP-1", location="main", kind="low_stock", available=3, since=MOMENT)])

    async def levels(self, ask: SkuRef) -> Page[Level]:
        if ask.sku != "LAMP-1":
            raise NotFound()
        return Page(data=[self.level, *self.elsewhere])

    async def history(self, ask: HistoryOf) -> History:
        if ask.sku != "LAMP-1":
            raise NotFound()
        self.asked.append(ask)
        event = StockEvent(
            sku="LAMP-1", location="main", version=1, at=MOMENT, type="received", quantity=4, cause_id="c", data={}
        )
        return History(level=self.level, data=[event])

    async def adjust(self, ask: Adjust) -> Level:
        if ask.quantity < -3:
            raise OutOfStock("Only 3 of LAMP-1 left", sku="LAMP-1", available=3)
        self.asked.append(ask)
        return self.level

    async def set_low_mark(self, ask: SetLowMark) -> Level:
        self.asked.append(ask)
        return self.level

    async def locations(self, ask: Nothing) -> Page[Location]:
        return Page(data=[Location(location="main", priority=100), Location(location="hub", priority=50)])

    async def set_priority(self, ask: SetPriority) -> Nothing:
        self.asked.append(ask)
        return Nothing()

    async def transfer(self, ask: Transfer) -> Page[Level]:
        if ask.quantity > 3:
            raise OutOfStock("Only 3 of LAMP-1 are free at main", sku="LAMP-1", available=3)
        self.asked.append(ask)
        return Page(data=[self.level])

    async def announce(self, ask: AnnounceDrop) -> Nothing:
        self.asked.append(ask)
        return Nothing()


class MemoryFraud(Fraud):
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.email = "quick@example.com"

    async def reviews(self, ask: FraudReviewsOf) -> Page[Review]:
        reasons = [Reason(code="high_amount", points=40, detail="much for one order")]
        one = Review(
            id="rev_1",
            attempt_id="att_1",
            checkout_id="chk_1",
            amount=Money(9_900_000),
            email=self.email,
            score=55,
            reasons=reasons,
            state=ask.state,
            created_at=MOMENT,
        )
        return Page(data=[one])

    async def decide(self, ask: Decide) -> Review:
        self.asked.append(ask)
        return (await self.reviews(FraudReviewsOf())).data[0]


class MemoryNotifications(Notifications):
    """One letter, with a key to an account in it."""

    def __init__(self) -> None:
        self.asked: list[MailRef] = []
        self.state = "failed"

    async def send_again(self, ask: MailRef) -> Mail:
        self.asked.append(ask)
        return await self.mail(ask)

    async def mailbox(self, ask: Mailbox) -> Page[Mail]:
        return Page(data=[await self.mail(MailRef(mail_id="mail_1"))])

    async def mail(self, ask: MailRef) -> Mail:
        return Mail(
            id=ask.mail_id,
            to="asha@example.com",
            subject="Your order",
            state=self.state,
            created_at=MOMENT,
            html="<p onclick='x()'>Hello</p>" if ask.with_keys else "",
            text="Hello" if ask.with_keys else "For owners",
        )


VERSION = "c0ffee"


class MemoryPromotions(Promotions):
    def __init__(self) -> None:
        self.asked: list[SaveCoupon] = []
        self.category: str | None = None

    async def coupons(self, ask: CouponsOf) -> Page[Coupon]:
        one = NewCoupon(code="WELCOME10", title="10 % off", percent_basis_points=1000, category=self.category)
        return Page(data=[Coupon(coupon=one, used=2, created_at=MOMENT, version=VERSION)])

    async def coupon(self, ask: CouponRef) -> Coupon:
        if ask.code.upper() != "WELCOME10":
            raise NotFound()
        (one,) = (await self.coupons(CouponsOf())).data
        return one

    async def save_coupon(self, ask: SaveCoupon) -> Coupon:
        self.asked.append(ask)
        if ask.version not in (None, "", VERSION):
            raise Precondition()
        return Coupon(coupon=ask.coupon, used=0, created_at=MOMENT)


class MemorySearch(Search):
    async def search(self, ask: SearchProducts) -> Found:
        return Found(data=[], total=0, facets=Facets(category=[], brand=[], price=[], rating=[]))


class MemoryParked:
    """Two events that the cart could not act on."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []

    async def parked(self, limit: int) -> list[ParkedEvent]:
        body = b'{"order_id":"ord_1"}'
        error = "ValueError('broken')"
        return [ParkedEvent("cart", f"evt_{n}", "orders.OrderPlaced", body, error, MOMENT) for n in (1, 2)][:limit]

    async def ask_again(self, actor: str, reader: str | None = None, event_id: str | None = None) -> int:
        self.asked.append((actor, reader, event_id))
        return 1
