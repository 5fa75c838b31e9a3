"""Names as they are compared: a brand is one brand however it is written."""

import unicodedata


def keyword_of(text: str) -> str:
    """The form in which brands and the like are compared: case and accents do not matter."""
    folded = unicodedata.normalize("NFKD", text.strip())
    return "".join(letter for letter in folded if not unicodedata.combining(letter)).casefold()
