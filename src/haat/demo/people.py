"""The demo shop's customers: names, places and reserved addresses that no mail can reach."""

from random import Random

from msgspec import Struct

from haat.demo.source import table


class Customer(Struct, frozen=True):
    """A person who shops; `state_code` is the GST state code, `persona` names a taste of `data/personas.toml`."""

    number: int
    name: str
    email: str
    street: str
    city: str
    state: str
    state_code: str
    pin: str
    persona: str
    joined_days_ago: int


def customers_of(count: int, seed: int) -> list[Customer]:
    """`count` customers, numbered from 1, e-mail addresses unique."""
    rng = Random(seed * 17 + 3)  # noqa: S311
    people, personas = table("people"), table("personas")["persona"]
    names, shares = list(personas), [persona["share"] for persona in personas.values()]
    sizes = [city[4] for city in people["cities"]]
    found = []
    for number in range(1, count + 1):
        first, last = rng.choice(people["first"]), rng.choice(people["last"])
        city, state, code, pin, _ = rng.choices(people["cities"], sizes)[0]
        domain = rng.choice(("example.com", "example.org", "example.net"))
        found.append(
            Customer(
                number=number,
                name=f"{first} {last}",
                email=f"{first}.{last}{number}@{domain}".lower(),
                street=f"{rng.randint(1, 240)} {rng.choice(people['streets'])}",
                city=city,
                state=state,
                state_code=code,
                pin=str(int(pin) + rng.randint(0, 20)).zfill(6),
                persona=rng.choices(names, shares)[0],
                joined_days_ago=rng.randint(121, 900),
            )
        )
    return found
