"""Coupons' promises on real PostgreSQL: counted once, given back once, never above a limit."""

import asyncio
from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from haat.cli.audit_questions import QUESTIONS
from haat.contracts.promotions import (
    CouponRef,
    CouponRefused,
    CouponsOf,
    DiscountLine,
    NewCoupon,
    PriceWith,
    SaveCoupon,
)
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.message import Invalid
from haat.kit.money import Money


async def outcome(work) -> str:
    try:
        await work
        return "redeemed"
    except CouponRefused as refused:
        return refused.facts["faults"][0].reason


async def at_once(*works) -> Counter[str]:
    return Counter(await asyncio.gather(*(outcome(work) for work in works)))


async def test_a_coupon_is_found_whatever_the_case(desk):
    code = await desk.coupon()
    line = DiscountLine(sku="S", product_id="P", quantity=1, total=Money(1000))
    found = await desk.service.price_with(PriceWith(codes=[code.lower()], lines=[line]))
    assert [(applied.code, applied.discount) for applied in found.applied] == [(code, Money(100))]


async def test_pricing_uses_nothing_up(desk):
    code = await desk.coupon(limit_total=1)
    line = DiscountLine(sku="S", product_id="P", quantity=1, total=Money(1000))
    await desk.service.price_with(PriceWith(codes=[code], lines=[line]))
    assert await desk.used(code) == 0


async def test_a_repeated_redeem_counts_once(desk):
    code = await desk.coupon()
    attempt = await desk.redeem(code)
    await desk.redeem(code, attempt_id=attempt)
    assert await desk.used(code) == 1


async def test_the_second_user_of_a_single_coupon_is_told_why(desk):
    code = await desk.coupon(limit_total=1)
    await desk.redeem(code)
    with pytest.raises(CouponRefused) as refused:
        await desk.redeem(code.lower())
    assert [(fault.code, fault.reason) for fault in refused.value.facts["faults"]] == [(code.lower(), "used_up")]


async def test_codes_are_used_all_or_none(desk):
    good, spent = await desk.coupon(), await desk.coupon(limit_total=1)
    await desk.redeem(spent)
    with pytest.raises(CouponRefused) as refused:
        await desk.redeem(good, spent)
    assert refused.value.detail == f"Coupon {spent} has been used up"
    assert await desk.used(good) == 0


async def test_a_refused_attempt_may_try_again(desk):
    spent = await desk.coupon(limit_total=1)
    first, attempt = await desk.redeem(spent), new_id("att")
    with pytest.raises(CouponRefused):
        await desk.redeem(spent, attempt_id=attempt)
    await desk.give_back(first)
    await desk.redeem(spent, attempt_id=attempt)
    assert await desk.used(spent) == 1


async def test_an_expired_coupon_is_not_redeemed(desk):
    code = await desk.coupon(ends_at=now() - timedelta(seconds=1))
    assert await outcome(desk.redeem(code)) == "expired"


async def test_an_unknown_code_is_not_redeemed(desk):
    assert await outcome(desk.redeem("NO-SUCH-CODE")) == "unknown"


async def test_each_user_has_uses_of_their_own(desk):
    code = await desk.coupon(limit_per_user=1)
    await desk.redeem(code, user_id="usr_1")
    assert await outcome(desk.redeem(code, user_id="usr_1")) == "used_by_you"
    assert await outcome(desk.redeem(code, user_id="usr_2")) == "redeemed"


async def test_a_limit_of_each_user_that_is_lowered_below_past_uses_is_nothing_to_the_audit(desk, database):
    code = await desk.coupon(limit_per_user=2)
    for _ in range(2):
        await desk.redeem(code)
    await desk.coupon(code=code, limit_per_user=1)
    (within,) = [sql for invariant, _, sql in QUESTIONS if invariant == "I9"]
    async with database.connection() as connection:
        found = [row[0] for row in await connection.fetch(within)]
        kept = await connection.fetch("SELECT limit_per_user FROM promotions.redemptions WHERE code = $1", code)
    assert (await outcome(desk.redeem(code)), f"{code} usr_1" in found, [row[0] for row in kept]) == (
        "used_by_you",
        False,
        [2, 2],
    )


async def test_a_guest_cannot_use_what_is_counted_per_user(desk):
    code = await desk.coupon(limit_per_user=1)
    assert await outcome(desk.redeem(code, user_id=None)) == "sign_in"


async def test_a_use_is_given_back_exactly_once(desk):
    code = await desk.coupon(limit_per_user=2)
    kept, attempt = await desk.redeem(code), await desk.redeem(code)
    await desk.give_back(attempt)
    await desk.give_back(attempt)
    assert await desk.used(code) == 1
    assert await outcome(desk.redeem(code)) == "redeemed"
    assert await outcome(desk.redeem(code)) == "used_by_you"
    assert kept != attempt


async def test_a_redeem_that_its_giving_back_has_overtaken_is_refused(desk):
    code, attempt = await desk.coupon(), new_id("att")
    await desk.give_back(attempt)
    with pytest.raises(CouponRefused):
        await desk.redeem(code, attempt_id=attempt)
    assert await desk.used(code) == 0


async def test_a_given_back_attempt_is_not_redeemed_again(desk):
    code = await desk.coupon()
    attempt = await desk.redeem(code)
    await desk.give_back(attempt)
    with pytest.raises(CouponRefused):
        await desk.redeem(code, attempt_id=attempt)


async def test_a_coupon_of_one_use_serves_one_of_100(desks):
    code = await desks[0].coupon(limit_total=1)
    works = [desks[i % 3].redeem(code, user_id=f"usr_{i}") for i in range(100)]
    assert await at_once(*works) == {"redeemed": 1, "used_up": 99}
    assert await desks[0].used(code) == 1


async def test_one_use_per_user_serves_each_user_once_in_100_attempts(desks):
    code = await desks[0].coupon(limit_per_user=1)
    works = [desks[i % 3].redeem(code, user_id=f"usr_{i % 5}") for i in range(100)]
    assert await at_once(*works) == {"redeemed": 5, "used_by_you": 95}
    assert await desks[0].used(code) == 5


async def test_one_attempt_from_many_workers_counts_once(desks):
    code, attempt = await desks[0].coupon(limit_total=1), new_id("att")
    works = [desks[i % 3].redeem(code, attempt_id=attempt) for i in range(30)]
    assert await at_once(*works) == {"redeemed": 30}
    assert await desks[0].used(code) == 1


async def test_codes_in_opposite_order_do_not_deadlock(desks):
    one, two = [await desks[0].coupon(combinable=True) for _ in range(2)]
    works = [desks[i % 3].redeem(*((one, two) if i % 2 else (two, one)), user_id=f"usr_{i}") for i in range(60)]
    assert await at_once(*works) == {"redeemed": 60}


async def test_giving_back_while_redeeming_leaves_nothing_used(desks):
    code = await desks[0].coupon(limit_per_user=100)
    attempts = [new_id("att") for _ in range(60)]
    redeems = [desks[i % 2].redeem(code, attempt_id=attempt) for i, attempt in enumerate(attempts)]
    backs = [desks[2].give_back(attempt) for attempt in attempts]
    await asyncio.gather(*(asyncio.gather(*pair, return_exceptions=True) for pair in zip(redeems, backs, strict=True)))
    assert await desks[0].used(code) == 0


async def test_saving_a_code_again_changes_the_coupon_and_keeps_its_uses(desk):
    code = await desk.coupon()
    await desk.redeem(code)
    coupon = NewCoupon(code=code.lower(), title="Half price", percent_basis_points=5000)
    saved = await desk.service.save_coupon(SaveCoupon(coupon=coupon, actor="usr_staff"))
    assert (saved.coupon.code, saved.coupon.title, saved.used) == (code, "Half price", 1)


async def test_a_limit_below_the_uses_so_far_is_invalid(desk):
    code = await desk.coupon()
    await desk.redeem(code)
    await desk.redeem(code)
    with pytest.raises(Invalid):
        await desk.coupon(code=code, limit_total=1)


async def test_coupons_are_listed_newest_first_and_page_on(desk):
    older, newer = await desk.coupon(), await desk.coupon()
    page = await desk.service.coupons(CouponsOf(limit=1))
    rest = await desk.service.coupons(CouponsOf(limit=1, cursor=page.next_cursor))
    assert [each.coupon.code for each in page.data + rest.data] == [newer, older]


async def test_of_many_who_change_what_they_all_read_one_does(desks):
    code = await desks[0].coupon()
    read = await desks[0].service.coupon(CouponRef(code=code))
    asks = [
        SaveCoupon(coupon=msgspec.structs.replace(read.coupon, title=f"{n}"), actor="usr_staff", version=read.version)
        for n in range(12)
    ]
    told = await asyncio.gather(
        *(desks[n % 3].service.save_coupon(ask) for n, ask in enumerate(asks)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in told) == ["Coupon"] + ["Precondition"] * 11


async def test_of_many_who_make_a_coupon_that_must_be_new_one_does(desks):
    wanted = NewCoupon(code=new_id("c").upper(), title="New", percent_basis_points=100)
    ask = SaveCoupon(coupon=wanted, actor="usr_staff", version="")
    told = await asyncio.gather(*(desks[n % 3].service.save_coupon(ask) for n in range(12)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["Coupon"] + ["Precondition"] * 11
