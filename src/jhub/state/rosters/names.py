"""Names on a hub from the cells of a roster: the rules, and checks of what they give."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jhub.errors import InvalidInput
from jhub.object_path import segment

RULES = ("", "lower", "before-@")
"""Rules that are not templates. All names are in lower case, as hubs store them by default."""
FIELD = re.compile(r"\{([^{}]+)\}")
FORMULA = re.compile(r"=.*|#(n/a|[a-z]+[!?]|div/0!)", re.IGNORECASE | re.DOTALL)
"""Pattern of cells with a formula, or with an error of the spreadsheet, instead of a value."""
ROUNDED = re.compile(r"\d+([.,]\d+)?e\+\d+", re.IGNORECASE)
"""Pattern of cells with a long number of which a spreadsheet has kept the first digits only, such as 1.23457E+10."""
MAX_NAME_CHARACTERS = 255
"""Maximum length of a user name in the hub's database."""
SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""Scripts with letters that look alike; the first words of the letters' Unicode names."""
PATTERNS = (
    (r"\d+([.,]\d+)?e-?\d+", "may be a number that a spreadsheet has rounded; format its column as text"),
    (r"\d+[.,]\d+", "is a number with decimals; format its column as text"),
    (r".*,.*", 'has a comma; is it "Surname, First name"?'),
    (r".*\s.*", "has a space; is it a full name?"),
    (r'.*[<>;:"].*', "has a character that is unusual in user names"),
)
"""Patterns of names that are hardly those of users, each with the reason."""


@dataclass(frozen=True, slots=True)
class NameRule:
    """A rule for the name on the hub: one of `RULES`, or a template such as "s{Student ID}"."""

    text: str
    fields: tuple[str, ...] = ()
    """The columns that a template has in braces."""

    @classmethod
    def parse(cls, text: str) -> NameRule:
        """Return the rule in a text.

        Raises
        ------
        InvalidInput
            It is neither a rule nor a template.
        """
        fields = tuple(dict.fromkeys(FIELD.findall(text)))
        if text not in RULES and (not fields or set("{}") & set(FIELD.sub("", text))):
            raise InvalidInput(
                f"invalid rule for names {text!r}",
                hint='use before-@, lower, or a template with columns in braces, such as "s{Student ID}"',
            )
        return cls(text, fields)

    def apply(self, value: str, cells: Mapping[str, str]) -> str:
        """Return the name for a cell, or for the cells of the columns of a template.

        Raises
        ------
        InvalidInput
            The cell has a formula, a rounded number or several addresses, or no hub accepts the name.
        """
        read = list(cells.values()) if self.fields else [value]
        if any(map(FORMULA.fullmatch, read)):
            raise InvalidInput("is a formula or an error of the spreadsheet, and not a name")
        if any(map(ROUNDED.fullmatch, read)):
            raise InvalidInput("a spreadsheet has rounded this number; format its column as text, and enter it again")
        if self.text == "before-@":
            value, _, rest = value.partition("@")
            if "@" in rest:
                raise InvalidInput("has more than one @")
        elif self.fields:
            value = FIELD.sub(lambda match: cells[match[1]], self.text)
        name = value.strip().lower()
        segment(name, "user")
        if len(name) > MAX_NAME_CHARACTERS:
            raise InvalidInput(f"has more than {MAX_NAME_CHARACTERS} characters")
        return name


def suspicions(values: Sequence[str], names: Sequence[str], rule: NameRule) -> list[str]:
    """Return for each name the reason why it is hardly that of a user; empty for a usual name.

    Parameters
    ----------
    values
        The cells of the names.
    """
    found = [_suspicion(name) for name in names]
    addresses = values if rule.text == "before-@" else names
    for passed, reason in (
        (["@" in address for address in addresses], "has an @, unlike most others"),
        (["@" not in address for address in addresses], "has no @, unlike most others"),
        ([name.isdecimal() for name in names], "is a number, unlike most others"),
    ):
        if 2 * sum(passed) < len(names):
            found = [each or (reason if odd else "") for each, odd in zip(found, passed, strict=True)]
    return found


def refused_by_default(name: str) -> str:
    """Return the reason why JupyterHub's own authenticators refuse a user name; empty if they accept it."""
    if name != name.strip():
        return "begins or ends with a space, which hubs refuse by default"
    return "has a slash, which hubs refuse by default" if "/" in name else ""


def _suspicion(name: str) -> str:
    for pattern, reason in PATTERNS:
        if re.fullmatch(pattern, name):
            return reason
    if reason := refused_by_default(name):
        return reason
    if name.isascii():
        return ""
    if any(unicodedata.category(character) == "Cf" for character in name):
        return "has an invisible character"
    if not unicodedata.is_normalized("NFC", name):
        return "has a letter and its accent as two characters; type it again"
    scripts = {unicodedata.name(each, "").partition(" ")[0] for each in name if each.isalpha()} & SCRIPTS
    return f"has letters that look alike, {' and '.join(sorted(map(str.title, scripts)))}" if len(scripts) > 1 else ""
