"""Reading forms: plain text in, every fault at once, and what was typed kept."""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from haat.contracts.identity import Address
from haat.kit.money import ungrouped
from haat.web.sessions import AnyRequest

Typed = dict[str, str]
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1024
# What to say of an empty field, by its name.
_MISSING = {
    "email": "Enter your e-mail address",
    "name": "Enter the name of the person who receives the parcel",
    "line1": "Enter house number and street",
    "city": "Enter the town or city",
    "region": "Choose the state",
    "postal_code": "Enter the PIN code",
}
WRONG_PASSWORD = "This is not your password"  # noqa: S105 - words
_BILLING_MISSING = {_MISSING["name"]: "Enter the name on the bill"}
PASSWORDS = {"password", "current_password"}
LIMITS = {"name": 120, "line1": 200, "line2": 200, "city": 200, "region": 200, "email": 254}
STATES = (
    "Andaman and Nicobar Islands", "Andhra Pradesh", "Arunachal Pradesh", "Assam", "Bihar", "Chandigarh",
    "Chhattisgarh", "Dadra and Nagar Haveli and Daman and Diu", "Delhi", "Goa", "Gujarat", "Haryana",
    "Himachal Pradesh", "Jammu and Kashmir", "Jharkhand", "Karnataka", "Kerala", "Ladakh", "Lakshadweep",
    "Madhya Pradesh", "Maharashtra", "Manipur", "Meghalaya", "Mizoram", "Nagaland", "Odisha", "Puducherry", "Punjab",
    "Rajasthan", "Sikkim", "Tamil Nadu", "Telangana", "Tripura", "Uttar Pradesh", "Uttarakhand", "West Bengal",
)  # fmt: skip
# First two digits of a PIN code and the state that most of them lie in.
_PINS = {
    "Delhi": "11", "Haryana": "12 13", "Punjab": "14 15", "Chandigarh": "16", "Himachal Pradesh": "17",
    "Jammu and Kashmir": "18 19", "Uttar Pradesh": "20 21 22 23 25 27 28", "Uttarakhand": "24 26",
    "Rajasthan": "30 31 32 33 34", "Gujarat": "36 37 38 39", "Maharashtra": "40 41 42 43 44",
    "Madhya Pradesh": "45 46 47 48", "Chhattisgarh": "49", "Telangana": "50", "Andhra Pradesh": "51 52 53",
    "Karnataka": "56 57 58 59", "Tamil Nadu": "60 61 62 63 64", "Kerala": "67 68 69",
    "West Bengal": "70 71 72 73 74", "Odisha": "75 76 77", "Assam": "78", "Bihar": "80 84 85",
    "Jharkhand": "81 82 83",
}  # fmt: skip
STATE_OF_PIN = {digits: state for state, all_digits in _PINS.items() for digits in all_digits.split()}


async def typed(request: AnyRequest) -> Typed:
    """The fields of a form, each once and without blanks around it; files are left out.

    A password keeps its blanks, and so does the value of an option (`o.Colour`): it is the seller's, not typed here.
    """
    form = await request.form()
    texts = ((name, value) for name, value in form.items() if isinstance(value, str))
    return {
        name: (value if name in PASSWORDS or name.startswith("o.") else value.strip())[:5_000] for name, value in texts
    }


def state_of_pin(pin: str) -> str:
    """The state a PIN code most likely lies in, "" when its first digits are not in use."""
    return STATE_OF_PIN.get(pin.replace(" ", "")[:2], "")


def email_fault(text: str) -> str | None:
    if not text:
        return _MISSING["email"]
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return "This e-mail address is not complete: it looks like name@example.com"
    return None


def password_fault(text: str) -> str | None:
    """What is wrong with a new password. Signing in reads no more than the longest."""
    if len(text) < SHORTEST_PASSWORD:
        return f"At least {SHORTEST_PASSWORD} characters; a short sentence is best"
    return f"At most {LONGEST_PASSWORD} characters" if len(text) > LONGEST_PASSWORD else None


def phone_of(text: str) -> tuple[str | None, str | None]:
    """An Indian or international number in E.164, or what is wrong with it; empty is fine."""
    if not text:
        return None, None
    try:
        number = phonenumbers.parse(text, "IN")
    except phonenumbers.NumberParseException:
        return None, "This is not a phone number"
    if not phonenumbers.is_possible_number(number):
        return None, "A mobile number in India has 10 digits"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None


def address_in(fields: Typed) -> tuple[Address | None, dict[str, str]]:
    """An Indian address as typed, or every fault by field name."""
    faults = {name: _MISSING[name] for name in ("name", "line1", "city", "postal_code") if not fields.get(name)}
    for name, limit in LIMITS.items():
        if len(fields.get(name, "")) > limit:
            faults[name] = f"At most {limit} characters"
    pin = re.sub(r"\s", "", fields.get("postal_code", ""))
    if pin and not re.fullmatch(r"[1-9][0-9]{5}", pin):
        faults["postal_code"] = "A PIN code has 6 digits and does not begin with 0"
    # Where the shopper left it open, the PIN code tells the state.
    region = fields.get("region") or state_of_pin(pin)
    if region not in STATES:
        faults["region"] = _MISSING["region"]
    phone, phone_fault = phone_of(fields.get("phone", ""))
    if phone_fault:
        faults["phone"] = phone_fault
    if faults:
        return None, faults
    return (
        Address(
            name=fields["name"],
            line1=fields["line1"],
            line2=fields.get("line2") or None,
            city=fields["city"],
            region=region,
            postal_code=pin,
            phone=phone,
        ),
        {},
    )


BILLING = "billing_"


def billing_in(fields: Typed, shipping: Address | None) -> tuple[Address | None, dict[str, str]]:
    """Where the bill goes: the shipping address unless another was typed; faults by the names of these fields."""
    if "billing_same" in fields or "billing_asked" not in fields:
        return shipping, {}
    own = {name.removeprefix(BILLING): value for name, value in fields.items() if name.startswith(BILLING)}
    address, faults = address_in(own)
    return address, {BILLING + name: _BILLING_MISSING.get(text, text) for name, text in faults.items()}


def billing_fields(billing: Address | None, shipping: Address | None) -> Typed:
    """The billing part of the form: ticked as the same unless it differs."""
    if billing is None or billing == shipping:
        return {"billing_same": "1"}
    return {BILLING + name: value for name, value in fields_of(billing).items()}


def fields_of(address: Address | None) -> Typed:
    """An address as the form shows it."""
    if address is None:
        return {}
    return {
        "name": address.name,
        "line1": address.line1,
        "line2": address.line2 or "",
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "phone": address.phone or "",
    }


def whole(text: str | None, low: int, high: int) -> int | None:
    """A whole number within bounds, None for anything else."""
    text = ungrouped((text or "").strip())
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high else None


def inside(address: str | None) -> str:
    """An address of ours to go on to; anything that could lead elsewhere becomes the start page."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return "/"
    return address if "\\" not in address else "/"
