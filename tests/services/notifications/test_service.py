"""One mail a cause, written from the order, sent once, and seen in the mailbox."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from haat.contracts.cart import WishCameBack, WishRef
from haat.contracts.identity import AccountLetter, LetterWanted, RefreshTokenReused, UserRegistered
from haat.contracts.inventory import StockRanLow
from haat.contracts.notifications import Mailbox, MailRef
from haat.contracts.orders import OrderMoved, ParcelUndelivered, ReturnMoved
from haat.contracts.payments import PaymentRefunded
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from haat.ports.mail import LetterRefused, MailUnreachable


async def mails(notifications, **filters):
    return (await notifications.mailbox(Mailbox(**filters))).data


def moved(order, status):
    return OrderMoved(order_id=order.id, number=order.number, status=status)


async def test_an_order_is_confirmed_to_its_address(notifications, pen, placed):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    assert [(letter.to, letter.subject) for letter in pen.letters] == [(order.email, f"Your order {order.number}")]


async def test_a_mail_is_queued_before_it_is_written(notifications, placed, pen):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    (mail,) = await mails(notifications, about=order.id)
    assert (mail.state, mail.subject, mail.to, pen.letters) == ("queued", "", "", [])


async def test_the_mailbox_shows_what_was_sent(notifications, placed):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (mail,) = await mails(notifications, to=order.email)
    whole = await notifications.mail(MailRef(mail_id=mail.id))
    assert (mail.state, mail.html, order.number in whole.html, order.number in whole.text) == ("sent", "", True, True)


async def test_the_letter_holds_lines_totals_address_and_the_signed_link(notifications, placed, pen):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    expected = [
        *("Brass lamp", "colour: brass", "2 × ₹1,299", "₹2,598", "−₹98", "Free", "₹2,500", "IGST 18 %"),
        *("12 Lake View", "560001", "Visa 4242", "25 November 2026", "HC123456789012IN", "28 November 2026"),
        f"https://shop.example/orders/{order.id}?token=signed-{order.number}",
    ]
    (letter,) = pen.letters
    assert [word for word in expected if word not in letter.html or word not in letter.text] == []
    assert "https://shop.example/media/abc/800.jpg" in letter.html


async def test_a_letter_names_what_is_left_to_be_paid_in_cash(notifications, placed, pen, shelf):
    paid, of_paid = placed()
    order, event = placed()
    cash = msgspec.structs.replace(order.payment, status="cash_on_delivery", summary="Gift card + Cash on delivery")
    shelf.known[order.id] = msgspec.structs.replace(order, payment=cash)
    await notifications.on_placed(Batch([of_paid, event]))
    await notifications.send_due()
    letters = {letter.to: letter for letter in pen.letters}
    told = "₹2,100 in cash to the courier"
    assert [(told in each.html, told in each.text) for each in (letters[order.email], letters[paid.email])] == [
        (True, True), (False, False),
    ]  # fmt: skip


async def test_a_letter_about_what_was_delivered_asks_for_no_cash(notifications, placed, pen, shelf):
    order, _ = placed()
    cash = msgspec.structs.replace(order.payment, status="cash_on_delivery", summary="Cash on delivery")
    shelf.known[order.id] = msgspec.structs.replace(order, payment=cash)
    await notifications.on_moved(Batch([moved(order, "out_for_delivery"), moved(order, "delivered")]))
    await notifications.send_due()
    assert {letter.subject: "in cash" in letter.text for letter in pen.letters} == {
        f"Order {order.number} arrives today": True,
        f"Order {order.number} was delivered": False,
    }


@pytest.mark.parametrize(
    ("status", "parcels", "told"),
    [
        ("shipped", 1, "₹2,100 in cash to the courier\n"),
        ("shipped", 2, "₹2,100 in cash to the courier, with each parcel its part\n"),
        ("partially_shipped", 1, "₹2,100 in cash to the courier, with each parcel its part\n"),
    ],
)
async def test_no_letter_asks_for_all_the_cash_with_one_of_several_parcels(
    notifications, placed, pen, shelf, status, parcels, told
):
    order, _ = placed()
    cash = msgspec.structs.replace(order.payment, status="cash_on_delivery", summary="Cash on delivery")
    shelf.known[order.id] = msgspec.structs.replace(order, payment=cash, shipments=[*order.shipments] * parcels)
    await notifications.on_moved(Batch([moved(order, status)]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert (told in letter.text, told.strip() in letter.html) == (True, True)


@pytest.mark.parametrize(
    ("on_hold", "told"), [(False, "and are getting it ready."), (True, "and look at it before it is packed.")]
)
async def test_a_confirmation_says_whether_the_order_is_held(notifications, placed, pen, shelf, on_hold, told):
    order, event = placed()
    shelf.known[order.id] = msgspec.structs.replace(order, status="placed", on_hold=on_hold)
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert f"We have your order {order.number} {told}" in letter.text


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("in_transit", [", expected 28 November 2026"]),
        ("delivered", [", delivered"]),
        ("canceled", []),
        ("failed", []),
    ],
)
async def test_a_parcel_is_expected_only_while_it_comes(notifications, placed, pen, shelf, status, told):
    order, event = placed()
    parcel = msgspec.structs.replace(order.shipments[0], status=status)
    shelf.known[order.id] = msgspec.structs.replace(order, status="partially_delivered", shipments=[parcel])
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (letter,) = pen.letters
    number = parcel.tracking_number
    in_text = [line.partition(number)[2] for line in letter.text.splitlines() if number in line]
    in_html = [line.partition("<")[0].replace(" ·", ",") for line in letter.html.split(number)[1:]]
    assert (in_text, in_html) == (told, told)


async def test_what_customers_write_is_not_markup(notifications, placed, pen):
    _, event = placed("<script>alert(1)</script> & {{ lamp }}")
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert ("<script" in letter.html, "&lt;script&gt;" in letter.html, "Asha &lt;Rao&gt;" in letter.html) == (
        False,
        True,
        True,
    )
    assert "<script>alert(1)</script> & {{ lamp }}" in letter.text


@pytest.mark.parametrize("odd", ["\x0b", "\x1b", "\ufffe"])
async def test_what_a_page_cannot_hold_keeps_no_letter_back(notifications, placed, pen, odd):
    # Spreadsheets write a line's end within a cell as a vertical tab.
    _, event = placed(f"Brass{odd}lamp")
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert ("Brass lamp" in letter.html, "Brass lamp" in letter.text) == (True, True)


async def test_nothing_is_loaded_from_strangers(notifications, placed, pen):
    _, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    assert ("googleapis" in pen.letters[0].html, "prefers-color-scheme: dark" in pen.letters[0].html) == (False, True)


async def test_the_same_event_twice_is_one_mail(notifications, placed, pen):
    _, event = placed()
    for _ in range(2):
        await notifications.on_placed(Batch([event, event]))
    await notifications.send_due()
    assert len(pen.letters) == 1


async def test_two_events_of_one_cause_are_one_mail(notifications, placed, pen):
    order, _ = placed()
    await notifications.on_moved(Batch([moved(order, "shipped"), moved(order, "shipped")]))
    await notifications.on_moved(Batch([moved(order, "shipped")]))
    await notifications.send_due()
    assert len(pen.letters) == 1


async def test_a_step_of_a_parcel_that_is_sent_again_is_told_again(notifications, placed, pen):
    order, _ = placed()
    again = msgspec.structs.replace(moved(order, "shipped"), came_back=1)
    await notifications.on_moved(Batch([moved(order, "shipped"), again, again]))
    await notifications.send_due()
    assert [letter.subject for letter in pen.letters] == [f"Order {order.number} is on its way"] * 2


async def test_ten_readers_at_once_note_one_mail(notifications, placed, pen):
    _, event = placed()
    await asyncio.gather(*(notifications.on_placed(Batch([event])) for _ in range(10)))
    await notifications.send_due()
    assert len(pen.letters) == 1


async def test_two_workers_send_each_mail_once(notifications, placed, pen):
    made = [placed() for _ in range(30)]
    await notifications.on_placed(Batch([event for _, event in made]))
    await asyncio.gather(*(notifications.send_due() for _ in range(3)))
    assert sorted(letter.to for letter in pen.letters) == sorted(order.email for order, _ in made)


async def test_a_sweep_keeps_its_pace(notifications, placed, pen):
    await notifications.on_placed(Batch([placed()[1] for _ in range(30)]))
    await notifications.send_due()
    assert len(pen.letters) == 20


@pytest.mark.parametrize(
    ("status", "subject"),
    [
        ("shipped", "Order {} is on its way"),
        ("out_for_delivery", "Order {} arrives today"),
        ("delivered", "Order {} was delivered"),
        ("canceled", "Order {} was canceled"),
        ("returned", "Your return for order {}"),
    ],
)
async def test_a_step_is_told_to_the_orders_address(notifications, placed, pen, status, subject):
    order, _ = placed()
    await notifications.on_moved(Batch([moved(order, status)]))
    await notifications.send_due()
    assert [(letter.to, letter.subject) for letter in pen.letters] == [(order.email, subject.format(order.number))]


async def test_a_return_that_is_complete_claims_no_more_than_came_back(notifications, placed, pen):
    # Units that were refunded by their lines count as returned, and stay with the customer.
    order, _ = placed()
    await notifications.on_moved(Batch([moved(order, "returned")]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert ("Everything" in letter.text, f"What you sent back from order {order.number} is here." in letter.text) == (
        False,
        True,
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [("approved", "is fetched at your delivery address"), ("rejected", "was not accepted: {It} is worn.")],
)
async def test_a_decision_on_a_return_is_told_once_with_its_reason(notifications, placed, pen, status, said):
    order, _ = placed()
    about = {"order_id": order.id, "number": order.number, "return_id": new_id("ret"), "status": status}
    for _ in range(2):
        await notifications.on_return(Batch([ReturnMoved(**about, detail="{It} is worn")]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert (letter.to, said in letter.html, said in letter.text) == (order.email, True, True)


async def test_a_reason_that_ends_in_a_full_stop_gets_no_second_one(notifications, placed, pen):
    order, _ = placed()
    about = {"order_id": order.id, "number": order.number, "return_id": new_id("ret"), "status": "rejected"}
    await notifications.on_return(Batch([ReturnMoved(**about, detail="It is worn. ")]))
    await notifications.send_due()
    assert "was not accepted: It is worn. If that" in " ".join(pen.letters[0].text.split())


@pytest.mark.parametrize("status", ["confirmed", "packed"])
async def test_the_warehouses_own_steps_are_not_told(notifications, placed, status):
    order, _ = placed()
    await notifications.on_moved(Batch([moved(order, status)]))
    assert await mails(notifications, about=order.id) == []


async def test_each_parcel_that_comes_back_to_us_is_told_once(notifications, placed, pen):
    order, _ = placed()
    about = {"order_id": order.id, "number": order.number}
    for shipment_id in ("shp_1", "shp_2", "shp_1"):
        await notifications.on_undelivered(Batch([ParcelUndelivered(**about, shipment_id=shipment_id)]))
    await notifications.send_due()
    subject = f"A parcel of order {order.number} comes back to us"
    assert [(letter.to, letter.subject) for letter in pen.letters] == [(order.email, subject)] * 2
    assert "could not deliver a parcel" in pen.letters[0].text


def refunded(event, state="succeeded", payment_id="pay_1", **where):
    return PaymentRefunded(
        **where,
        payment_id=payment_id,
        refund_id=f"ref_{event.checkout_id}",
        attempt_id="att_1",
        checkout_id=event.checkout_id,
        amount=Money(120_050),
        state=state,
    )


async def test_a_refund_is_told_with_its_amount(notifications, placed, pen):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.on_refunded(Batch([refunded(event)]))
    await notifications.send_due()
    told = next(letter for letter in pen.letters if "refund" in letter.subject)
    assert (told.to, "₹1,200.50" in told.text) == (order.email, True)


@pytest.mark.parametrize(
    ("to_credit", "told"),
    [
        (False, "Banks take up to seven working days to show it."),
        (True, "It is on the gift card or the store credit that paid, to be spent again."),
    ],
)
async def test_a_refund_is_told_with_where_it_went(notifications, placed, pen, due_now, to_credit, told):
    _, event = placed()
    nobody = type("NoOrder", (), {"checkout_id": new_id("chk")})
    await notifications.on_placed(Batch([event]))
    await notifications.on_refunded(Batch([refunded(each, to_credit=to_credit) for each in (event, nobody)]))
    for _ in range(3):
        await notifications.send_due()
        await due_now()
    letters = [letter for letter in pen.letters if "₹1,200.50" in letter.text]
    assert [(told in letter.text, "Banks" in letter.html) for letter in letters] == [(True, not to_credit)] * 2


@pytest.mark.parametrize(
    ("to_credit", "payment_id", "told", "of_banks"),
    [
        (False, "pay_1", "of what you paid in cash for order", False),
        (True, "pay_1", "It is on the gift card or the store credit", False),
        (False, "pay_late", "Banks take up to seven working days", True),
    ],
)
async def test_no_bank_is_named_for_what_was_paid_in_cash(
    notifications, placed, pen, shelf, to_credit, payment_id, told, of_banks
):
    order, event = placed()
    cash = msgspec.structs.replace(order.payment, method="cod", summary="Cash on delivery")
    shelf.known[order.id] = msgspec.structs.replace(order, payment=cash)
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    pen.letters.clear()
    await notifications.on_refunded(Batch([refunded(event, payment_id=payment_id, to_credit=to_credit)]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert (told in letter.text, "₹1,200.50" in letter.text, "Banks" in letter.text) == (True, True, of_banks)


async def test_money_of_another_payment_that_goes_back_is_no_refund_of_the_order(notifications, placed, pen):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    pen.letters.clear()
    await notifications.on_refunded(Batch([refunded(event, payment_id="pay_late")]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert (letter.to, letter.subject) == (
        order.email,
        f"Your second payment for order {order.number} is on its way back",
    )
    assert ("₹1,200.50" in letter.text, "Nothing changes for your order" in letter.text) == (True, True)


async def test_a_refund_that_is_told_before_its_order_waits_for_it(notifications, placed, pen, due_now):
    _, event = placed()
    await notifications.on_refunded(Batch([refunded(event)]))
    await notifications.send_due()
    await notifications.on_placed(Batch([event]))
    await due_now()
    await notifications.send_due()
    assert len(pen.letters) == 2


async def test_money_of_an_order_whose_own_letter_is_forgotten_is_told_with_its_order(
    notifications, placed, pen, due_now
):
    order, event = placed()
    await notifications.on_refunded(Batch([refunded(event)]))
    for _ in range(4):
        await notifications.send_due()
        await due_now()
    (letter,) = pen.letters
    assert (letter.to, letter.subject) == (order.email, f"Your refund for order {order.number}")


async def test_money_that_no_order_came_of_is_told_once(notifications, pen, due_now):
    about = type("NoOrder", (), {"checkout_id": new_id("chk")})
    for _ in range(2):
        await notifications.on_refunded(Batch([refunded(about)]))
    for _ in range(5):
        await notifications.send_due()
        await due_now()
    (letter,) = pen.letters
    assert (letter.to, letter.subject) == (f"{about.checkout_id}@example.in", "Your payment is on its way back")
    assert "₹1,200.50" in letter.text
    # Guests pay, too.
    assert ("you have an account" in letter.html, "because of a payment at haat" in letter.html) == (False, True)


async def test_a_refund_that_failed_is_not_told(notifications, placed):
    _, event = placed()
    await notifications.on_refunded(Batch([refunded(event, "failed")]))
    assert await mails(notifications) == []


async def test_a_new_user_is_welcomed_by_name(notifications, pen):
    event = UserRegistered(user_id="usr_w")
    await notifications.on_registered(Batch([event]))
    await notifications.send_due()
    assert (pen.letters[0].to, "Welcome, Asha {facts} & Co" in pen.letters[0].text) == ("usr_w@example.in", True)


async def test_the_owner_of_a_copied_sign_in_is_warned_once(notifications, pen):
    told = [RefreshTokenReused(user_id="usr_w", session_id="ses_w") for _ in "ab"]
    await notifications.on_token_reused(Batch(told))
    await notifications.send_due()
    assert [letter.subject for letter in pen.letters] == ["We ended a sign-in to your account"]


async def test_staff_hear_of_low_stock_once_a_day(notifications, pen):
    def low(day):
        at = datetime(2026, 11, day, 8, tzinfo=UTC)
        return StockRanLow(sku="LAMP", location="main", available=3, kind="low_stock", at=at)

    await notifications.on_stock_low(Batch([low(24), low(24), low(25)]))
    await notifications.send_due()
    assert [(letter.to, letter.subject) for letter in pen.letters] == [
        ("staff@shop.example", "Stock of LAMP: 3 left")
    ] * 2
    assert "because you look after the stock of haat" in pen.letters[0].html


def back() -> WishCameBack:
    return WishCameBack(user_id="usr_w", product_id="prd_lamp")


async def test_whoever_wished_hears_once_each_time_they_are_to_be_told(notifications, pen, basket):
    first = back()
    await notifications.on_wishes_back(Batch([first, first, back()]))
    await notifications.on_wishes_back(Batch([first]))
    await notifications.send_due()
    assert [(letter.to, letter.subject) for letter in pen.letters] == [("usr_w@example.in", "Brass {lamp} is back")] * 2
    assert "https://shop.example/p/brass-lamp" in pen.letters[0].text
    assert "take it off there, and we keep quiet" in pen.letters[0].text
    assert basket.not_told_of == []


async def test_what_is_gone_again_is_looked_for_a_little_and_then_not_told(notifications, pen, stall, basket, due_now):
    stall.available = 0
    await notifications.on_wishes_back(Batch([back()]))
    states = []
    for _ in range(3):
        await notifications.send_due()
        states += [(mail.state, len(basket.not_told_of)) for mail in await mails(notifications, about="usr_w")]
        await due_now()
    assert (pen.letters, states) == ([], [("queued", 0), ("queued", 0), ("failed", 1)])
    assert basket.not_told_of == [WishRef(user_id="usr_w", product_id="prd_lamp")]


async def test_what_is_withdrawn_again_is_not_told_and_its_wish_waits_on(notifications, pen, stall, basket):
    stall.ref = ""
    await notifications.on_wishes_back(Batch([back()]))
    await notifications.send_due()
    (mail,) = await mails(notifications, about="usr_w")
    assert (pen.letters, mail.state) == ([], "failed")
    assert basket.not_told_of == [WishRef(user_id="usr_w", product_id="prd_lamp")]


async def test_what_is_gone_again_and_comes_back_the_same_day_is_told(notifications, pen, stall, due_now):
    stall.available = 0
    await notifications.on_wishes_back(Batch([back()]))
    for _ in range(3):
        await notifications.send_due()
        await due_now()
    stall.available = 1
    await notifications.on_wishes_back(Batch([back()]))
    await notifications.send_due()
    assert [letter.subject for letter in pen.letters] == ["Brass {lamp} is back"]


async def test_what_the_catalogue_hears_of_late_is_told(notifications, pen, stall, due_now):
    stall.available = 0
    await notifications.on_wishes_back(Batch([back()]))
    await notifications.send_due()
    stall.available = 1
    await due_now()
    await notifications.send_due()
    assert [letter.subject for letter in pen.letters] == ["Brass {lamp} is back"]


async def test_a_mail_server_that_is_away_gets_the_letter_later(notifications, placed, pen, due_now):
    order, event = placed()
    pen.faults.append(MailUnreachable("421 not now"))
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (waiting,) = await mails(notifications, about=order.id)
    await due_now()
    await notifications.send_due()
    (sent,) = await mails(notifications, about=order.id)
    assert (waiting.state, sent.state, len(pen.letters)) == ("queued", "sent", 1)


async def test_a_letter_that_waits_is_not_sent_before_its_time(notifications, placed, pen):
    _, event = placed()
    pen.faults.append(MailUnreachable("421 not now"))
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    await notifications.send_due()
    assert pen.letters == []


async def test_a_refused_letter_has_failed(notifications, placed, pen):
    order, event = placed()
    pen.faults.append(LetterRefused("550 nobody here"))
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    assert [mail.state for mail in await mails(notifications, about=order.id)] == ["failed"]


async def test_one_letter_that_cannot_be_written_does_not_hold_the_others(notifications, placed, pen, shelf):
    lost, lost_event = placed()
    del shelf.known[lost.id]
    order, event = placed()
    await notifications.on_placed(Batch([lost_event, event]))
    await notifications.send_due()
    assert [letter.to for letter in pen.letters] == [order.email]


async def test_the_mailbox_is_read_in_pages_newest_first(notifications, placed):
    for _ in range(3):
        await notifications.on_placed(Batch([placed()[1]]))
    first = await notifications.mailbox(Mailbox(limit=2))
    second = await notifications.mailbox(Mailbox(limit=2, cursor=first.next_cursor))
    ids = [mail.id for mail in [*first.data, *second.data]]
    assert (len(ids), ids, second.has_more) == (3, sorted(ids, reverse=True), False)


@pytest.mark.parametrize("about_it", [True, False])
async def test_mails_are_found_however_their_address_was_typed(notifications, placed, about_it: bool):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    asked = {"about": order.id} if about_it else {"limit": 1}
    assert [mail.about for mail in await mails(notifications, to=order.email.upper(), **asked)] == [order.id]


async def test_an_unknown_mail_is_not_found(notifications):
    with pytest.raises(NotFound):
        await notifications.mail(MailRef(mail_id="mail_nothing"))


async def test_a_link_is_mailed_to_whom_the_letter_is_for(notifications, people, pen):
    people.letters["ltr_1"] = AccountLetter(
        kind="password_reset", user_id="usr_1", email="asha@example.in", name="Asha", token="ltr_1.secret"
    )
    await notifications.on_letters_wanted(Batch([LetterWanted(letter_id="ltr_1", kind="password_reset")]))
    await notifications.send_due()
    (letter,) = pen.letters
    assert letter.to == "asha@example.in"
    assert "https://shop.example/reset-password?token=ltr_1.secret" in letter.text
    assert "https://shop.example/reset-password?token=ltr_1.secret" in letter.html


@pytest.mark.parametrize(("keeps", "kept"), [(True, True), (False, False)])
async def test_a_link_is_kept_only_where_there_is_no_mail_server(notifications, people, pen, keeps: bool, kept: bool):
    pen.keeps_letters = keeps
    people.letters["ltr_1"] = AccountLetter(
        kind="password_reset", user_id="usr_1", email="asha@example.in", name="Asha", token="ltr_1.secret"
    )
    await notifications.on_letters_wanted(Batch([LetterWanted(letter_id="ltr_1", kind="password_reset")]))
    await notifications.send_due()
    (mail,) = (await notifications.mailbox(Mailbox(to="asha@example.in"))).data
    whole = await notifications.mail(MailRef(mail_id=mail.id, with_keys=True))
    assert (mail.state, "secret" in (whole.html + whole.text), len(pen.letters)) == ("sent", kept, 1)
    assert "ltr_1.secret" in pen.letters[0].text


async def test_a_letter_whose_link_is_over_is_not_written(notifications, pen, database):
    await notifications.on_letters_wanted(Batch([LetterWanted(letter_id="ltr_gone", kind="password_reset")]))
    await notifications.send_due()
    async with database.connection() as connection:
        state = await connection.fetchval("SELECT state FROM notifications.mails WHERE cause = 'letter:ltr_gone'")
    assert (state, pen.letters) == ("failed", [])


async def test_a_parcel_on_its_way_brings_the_invoice(notifications, pen, placed):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.on_moved(Batch([moved(order, "shipped")]))
    await notifications.send_due()
    address = f"https://shop.example/orders/{order.id}/invoice.pdf?token=signed-{order.number}"
    by_subject = {letter.subject: letter for letter in pen.letters}
    shipped = by_subject[f"Order {order.number} is on its way"]
    assert (address in shipped.text, address in shipped.html) == (True, True)
    assert "invoice.pdf" not in by_subject[f"Your order {order.number}"].text
