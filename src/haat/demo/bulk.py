"""Recombines the hand-written families into as many products as a load test asks for."""

from collections.abc import Iterator
from random import Random

from haat.demo.families import expand, slug_of, told
from haat.demo.records import DemoImage, DemoProduct, DemoVariant

_LINES = [
    "Agra",
    "Amber",
    "Anand",
    "Aravali",
    "Asha",
    "Badal",
    "Basant",
    "Chandan",
    "Chinar",
    "Deodar",
    "Dhruv",
    "Ekta",
    "Falgun",
    "Ganga",
    "Gulmohar",
    "Hansa",
    "Himal",
    "Indra",
    "Jamuna",
    "Kamal",
    "Kaveri",
    "Kesar",
    "Kiran",
    "Lahar",
    "Madhur",
    "Malhar",
    "Meghna",
    "Mogra",
    "Narmada",
    "Neem",
    "Ojas",
    "Palash",
    "Pawan",
    "Rajni",
    "Ravi",
    "Sagar",
    "Sandhya",
    "Saras",
    "Shikhar",
    "Surya",
    "Tara",
    "Tulsi",
    "Uday",
    "Utsav",
    "Vanya",
    "Vasant",
    "Vidya",
    "Yamini",
    "Zaffran",
    "Zill",
]
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LARGEST = 1_000_000


def generate(count: int, seed: int) -> Iterator[DemoProduct]:
    """Yields `count` products (at most a million), one variant and two pictures each, slugs and SKUs unique."""
    if not 0 <= count <= _LARGEST:
        raise ValueError(f"count must lie between 0 and {_LARGEST}")
    return _stream(count, seed)


def _stream(count: int, seed: int) -> Iterator[DemoProduct]:
    rng = Random(seed)  # noqa: S311
    models = [_model(product) for product in expand()]
    brands = _brands_by_type()
    random, lines = rng.random, len(_LINES)
    for number in range(count):
        model = models[int(random() * len(models))]
        makers = brands[model.product_type]
        brand, brand_slug = makers[int(random() * len(makers))]
        line = _LINES[int(random() * lines)]
        # The number in base 24 is the part that keeps titles and slugs apart.
        code = f"{_LETTERS[number % 24]}{_LETTERS[number // 24 % 24]}{number // 576}"
        title = f"{brand} {line} {model.noun} {code}"
        price = max(4900, int(model.price_minor * (0.75 + random() * 0.6)) // 1000 * 1000 - 100)
        yield DemoProduct(
            slug=f"{brand_slug}-{line.lower()}-{model.noun_slug}-{code.lower()}",
            title=title,
            description=f"The {line} series by {brand}. {model.text}",
            brand=brand,
            category=model.category,
            product_type=model.product_type,
            attributes=model.attributes,
            hsn=model.hsn,
            tax_class=model.tax_class,
            options=[],
            variants=[DemoVariant(f"LD-{number:07d}", {}, price, None, 5 + int(random() * 195), model.weight_grams)],
            images=model.images,
            reviews=[],
            published_days_ago=1 + int(random() * 900),
            popularity_hint=1 + int(4 / (random() + 0.02)),
        )


class _Model:
    """What all products made after one hand-written product share."""

    __slots__ = (
        "attributes", "category", "hsn", "images", "noun", "noun_slug",
        "price_minor", "product_type", "tax_class", "text", "weight_grams",
    )  # fmt: skip

    def __init__(self, product: DemoProduct) -> None:
        self.noun = _noun(product)
        self.noun_slug = slug_of(self.noun)
        self.category = product.category
        self.product_type = product.product_type
        self.attributes = product.attributes
        self.hsn = product.hsn
        self.tax_class = product.tax_class
        self.text = product.description
        self.price_minor = product.variants[0].price_minor
        self.weight_grams = product.variants[0].weight_grams
        self.images = [DemoImage(image.drawing, self.noun) for image in product.images[:2]]


def _model(product: DemoProduct) -> _Model:
    return _Model(product)


_NOUNS = {
    "book": "Reader",
    "laptop": "Laptop {screen_inch} inch {ram_gb} GB RAM {storage_gb} GB SSD",
    "smartphone": "Smartphone {ram_gb} GB RAM {camera_mp} MP",
}


def _noun(product: DemoProduct) -> str:
    shape = _NOUNS.get(product.product_type)
    if shape:
        return told(shape.format(**product.attributes))
    return product.title.removeprefix(product.brand).strip()


def _brands_by_type() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, dict[str, str]] = {}
    for product in expand():
        found.setdefault(product.product_type, {})[product.brand] = slug_of(product.brand)
    return {kind: list(brands.items()) for kind, brands in found.items()}
