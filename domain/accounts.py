"""The accounts a job can stand on that are not providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict


class Account(BaseModel):
    """An account of the job system: a provider's, or one of the pseudo-accounts below."""

    model_config = ConfigDict(frozen=True)

    number: str | None
    name: str


PROCURE_VENDOR = Account(number=None, name="Procure Vendor")
PLUSONE = Account(number="700010237", name="PlusOne Solutions")
PLUSONE_PARTS = Account(number="700010640", name="PlusOne Part Procurement")
ALTERNATE_PROVIDER_OPTION = Account(number=None, name="Alternate Provider Option")
NO_PROVIDER_FOUND = Account(number=None, name="No Provider Found")

PSEUDO_ACCOUNTS = (
    PROCURE_VENDOR,
    PLUSONE,
    PLUSONE_PARTS,
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
)


_EVERYDAY_NAMES: Final[Mapping[str, Account]] = {
    "plusone": PLUSONE,
    "plusoneprocurement": PLUSONE_PARTS,
    "plusoneparts": PLUSONE_PARTS,
    "apo": ALTERNATE_PROVIDER_OPTION,
    "alternateprovider": ALTERNATE_PROVIDER_OPTION,
    "npf": NO_PROVIDER_FOUND,
}
"""What people call the pseudo-accounts beside their names."""


def account_called(name_or_number: str) -> Account:
    """Return the account that a person means by a name or a number.

    A pseudo-account is recognised by its number, its name or what people call it, however it is
    spelled; any other number or name is taken to be a provider's.
    """
    wanted = name_or_number.strip()
    letters = _letters(wanted)
    for account in PSEUDO_ACCOUNTS:
        if letters in (account.number, _letters(account.name)):
            return account
    if letters in _EVERYDAY_NAMES:
        return _EVERYDAY_NAMES[letters]
    if wanted.isdigit():
        return Account(number=wanted, name=wanted)
    return Account(number=None, name=wanted)


def _letters(name: str) -> str:
    """Return a name or a number without what people write one way or another."""
    letters = "".join(filter(str.isalnum, normalize("NFKC", name).casefold()))
    return letters.lstrip("0") if letters.isdigit() else letters


def same_account(one: Account, other: Account) -> bool:
    """Return whether two ways of writing an account mean the same one: by number, else by name."""
    if one.number and other.number:
        return one.number == other.number
    return one.name.casefold() == other.name.casefold()
