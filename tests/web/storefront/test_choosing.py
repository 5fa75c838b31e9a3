"""Only the variant that was chosen is added; of any other choice the page says what there is."""

from __future__ import annotations

import msgspec
import pytest

from haat.contracts.catalog import Product
from haat.web.storefront.choosing import variant_to_buy, what_exists
from tests.web.storefront.conftest import PRODUCTS, Visitor


def made(*variants: dict[str, str]) -> Product:
    """The laptop in these variants, one piece of each."""
    (like, *_) = PRODUCTS[0].variants
    return msgspec.structs.replace(
        PRODUCTS[0],
        variants=[
            msgspec.structs.replace(like, id=f"var_{n}", sku=f"SKU-{n}", options=options, available=1)
            for n, options in enumerate(variants)
        ],
    )


SHIRT = made(
    {"Colour": "Red", "Size": "M"},
    {"Colour": "Red", "Size": "L"},
    {"Colour": "Red", "Size": "XL"},
    {"Colour": "Blue", "Size": "M"},
    {"Colour": "Green"},
)


@pytest.mark.parametrize(
    ("product", "asked", "variant", "why"),
    [
        (SHIRT, {"o.Colour": "Red", "o.Size": "L"}, "var_1", ""),
        (SHIRT, {"o.Colour": "Blue"}, "var_3", ""),
        (SHIRT, {"o.Colour": "Green", "product": "shirt"}, "var_4", ""),
        (SHIRT, {"o.Colour": "Blue", "o.Size": "L"}, None, "Blue comes in M only."),
        (SHIRT, {"o.Colour": "Red", "o.Size": "S"}, None, "Red comes in M, L and XL only."),
        (SHIRT, {"o.Colour": "Green", "o.Size": "M"}, None, "Green comes without Size."),
        (SHIRT, {"o.Colour": "Pink", "o.Size": "M"}, None, "It comes in Red, Blue and Green only."),
        (SHIRT, {"o.Colour": "Red"}, None, "Please choose Size: M, L or XL."),
        (SHIRT, {}, None, "Please choose Colour: Red, Blue or Green."),
        (made({}), {}, "var_0", ""),
        (made({"Size": "M"}), {}, "var_0", ""),
        (made({}), {"o.Size": "M"}, None, "It comes without Size."),
        (made({"Size": "M"}, {"Size": "M"}), {"o.Size": "M"}, "var_0", ""),
    ],
)
def test_the_choices_name_one_variant_or_the_shopper_is_told_what_there_is(
    product: Product, asked: dict[str, str], variant: str | None, why: str
) -> None:
    found = variant_to_buy(product, asked)
    assert (found and found.id, "" if found else what_exists(product, asked)) == (variant, why)


@pytest.fixture
def shirt(visitor: Visitor) -> Visitor:
    """A visitor of a shop whose laptop comes as the shirt does."""
    visitor.behind.catalog.by_ref["book-14-laptop"] = SHIRT
    return visitor


async def test_nothing_is_added_for_a_choice_that_does_not_exist(shirt: Visitor) -> None:
    answer = await shirt.send("/cart/items", product="book-14-laptop", o__Colour="Blue", o__Size="L", quantity="2")
    assert (answer.status_code, "Blue comes in M only." in answer.text) == (409, True)
    assert ('value="Blue" checked' in answer.text, 'value="L" checked' in answer.text) == (True, True)
    assert '<option value="2" selected>' in answer.text
    assert shirt.behind.cart.lines == {}


async def test_what_is_chosen_with_script_stays_chosen_and_shows_no_price_of_another(shirt: Visitor) -> None:
    page = await shirt.see("/p/book-14-laptop?o.Colour=Blue&o.Size=L", **{"HX-Request": "true"})
    chosen = ['value="Blue" checked' in page.text, 'value="L" checked' in page.text]
    assert (chosen, "Blue comes in M only." in page.text) == ([True, True], True)
    assert ("buy-price" in page.text, "Sold out" in page.text) == (False, False)


async def test_an_option_that_the_chosen_colour_does_not_have_is_not_shown_as_chosen(shirt: Visitor) -> None:
    page = await shirt.see("/p/book-14-laptop?o.Colour=Green&o.Size=M", **{"HX-Request": "true"})
    assert ('value="Green" checked' in page.text, 'value="M" checked' in page.text) == (True, False)
    assert ("buy-price" in page.text, 'role="alert"' in page.text) == (True, False)


async def test_what_was_sold_under_other_choices_before_is_not_added(visitor: Visitor) -> None:
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="XS", quantity="1")
    assert (answer.status_code, "It comes in S and M only." in answer.text) == (409, True)
    assert visitor.behind.cart.lines == {}
