"""India's states and union territories, as people write them: needed to tell where a supply takes place."""

from __future__ import annotations

import re

STATES = {
    "AN": "Andaman and Nicobar Islands",
    "AP": "Andhra Pradesh",
    "AR": "Arunachal Pradesh",
    "AS": "Assam",
    "BR": "Bihar",
    "CG": "Chhattisgarh",
    "CH": "Chandigarh",
    "DH": "Dadra and Nagar Haveli and Daman and Diu",
    "DL": "Delhi",
    "GA": "Goa",
    "GJ": "Gujarat",
    "HP": "Himachal Pradesh",
    "HR": "Haryana",
    "JH": "Jharkhand",
    "JK": "Jammu and Kashmir",
    "KA": "Karnataka",
    "KL": "Kerala",
    "LA": "Ladakh",
    "LD": "Lakshadweep",
    "MH": "Maharashtra",
    "ML": "Meghalaya",
    "MN": "Manipur",
    "MP": "Madhya Pradesh",
    "MZ": "Mizoram",
    "NL": "Nagaland",
    "OD": "Odisha",
    "PB": "Punjab",
    "PY": "Puducherry",
    "RJ": "Rajasthan",
    "SK": "Sikkim",
    "TN": "Tamil Nadu",
    "TR": "Tripura",
    "TS": "Telangana",
    "UK": "Uttarakhand",
    "UP": "Uttar Pradesh",
    "WB": "West Bengal",
}
# ISO 3166-2 and everyday variants of the codes and names above.
_ALSO = {"TG": "TS", "CT": "CG", "OR": "OD", "UT": "UK", "NEWDELHI": "DL", "NCTOFDELHI": "DL", "ORISSA": "OD"}
# Territories without a legislature levy UTGST where a state would levy SGST.
WITHOUT_LEGISLATURE = frozenset({"AN", "CH", "DH", "LA", "LD"})
_BY_NAME = {re.sub("[^A-Z]", "", name.upper()): code for code, name in STATES.items()}


def state_code(region: str) -> str | None:
    """The code of a state given by code (`KA`, `IN-KA`) or name (`Karnataka`); None when it is not one."""
    plain = re.sub("[^A-Z]", "", region.upper().removeprefix("IN-"))
    return plain if plain in STATES else _ALSO.get(plain) or _BY_NAME.get(plain)
