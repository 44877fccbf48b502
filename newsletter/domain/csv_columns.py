"""What the columns of a table of subscribers mean, in the languages people export them in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from newsletter.domain.csv_table import Record, unguard_cell
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import InvalidInput

MAX_NAME_LENGTH = 200

# A column of our own export: the place on the list that it came from. Someone who has left stays out.
STATUS_COLUMN = "subscription_status"
HAS_LEFT = frozenset({"unsubscribed", "disabled", "suppressed"})

# The first two columns of our own list of faults, so that it can be corrected and imported again.
FAULT_COLUMNS = ("line", "reason")

# Names are compared folded: small letters, without spaces, hyphens, underscores and stops.
ALIASES: dict[str, str] = {
    "email": (
        "email emailaddress emailadress mail mailaddress mailadresse emailadresse adresseemail adressemail courriel"
        " correo correoelectronico correoelectrónico direccióndecorreo direccióndecorreoelectrónico endereçodeemail"
        " indirizzoemail postaelettronica emailadres epost epostadress subscriberemail"
        " 邮箱 邮箱地址 电子邮件 电子邮箱 电子邮件地址 电子邮箱地址 邮件 邮件地址"
        " 郵箱 電子郵件 電子郵箱 電子郵件地址 電郵 電郵地址 メール メールアドレス eメール"
        " 이메일 이메일주소 почта электроннаяпочта адресэлектроннойпочты эпочта"
    ),
    "name": (
        "name fullname displayname contactname subscribername nombre nombrecompleto nomcomplet nom nome nomecompleto"
        " nominativo vollständigername naam 姓名 名字 名称 全名 名稱 氏名 名前 お名前 이름 성명 имя полноеимя фио"
    ),
    "first_name": "firstname givenname forename vorname prénom prenom primernombre primeironome 名",
    "last_name": (
        "lastname surname familyname nachname familienname nomdefamille apellido apellidos sobrenome cognome 姓 фамилия"
    ),
    "language": (
        "language lang locale preferredlanguage languagecode sprache langue idioma lingua taal"
        " 语言 語言 首选语言 言語 언어 язык"
    ),
    "time_zone": (
        "timezone tz timezonename zeitzone fuseauhoraire zonahoraria fusohorario fusoorario tijdzone"
        " 时区 時區 タイムゾーン 시간대 часовойпояс"
    ),
}
_FIELD_OF = {alias: name for name, aliases in ALIASES.items() for alias in aliases.split()}

LANGUAGES: dict[str, str] = {
    "en": "english 英文 英语 英語",
    "zh": "chinese 中文 汉语 漢語",
    "zh-CN": "简体中文",
    "zh-TW": "繁體中文",
    "de": "german deutsch",
    "fr": "french français",
    "es": "spanish español",
    "it": "italian italiano",
    "pt": "portuguese português",
    "nl": "dutch nederlands",
    "ja": "japanese 日本語",
    "ko": "korean 한국어",
    "ru": "russian русский",
}
_LANGUAGE_OF = {name: tag for tag, names in LANGUAGES.items() for name in names.split()}
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")  # RFC 5646, without its rarities
_FOLDED_AWAY = re.compile(r"[\s_.:*-]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class ParsedRow(NamedTuple):
    """One person as a row of a table gives them; "" and {} where it says nothing. No text holds a control character.

    A named tuple, because a million of them are made where a frozen dataclass costs three times as much.
    """

    address: str
    line: int
    email: str
    name: str
    language: str
    time_zone: str
    has_left: bool
    attributes: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which cell of a record is which; positions count from 0, -1 where there is no such column."""

    header: tuple[str, ...]
    email: int
    name: int = -1
    first_name: int = -1
    last_name: int = -1
    language: int = -1
    time_zone: int = -1
    status: int = -1
    attributes: tuple[tuple[int, str], ...] = ()
    has_header: bool = True
    zones: dict[str, str] = field(default_factory=dict)


def columns_of(cells: Sequence[str], *, time_zones: Collection[str]) -> Columns:
    """What the columns are, from the first record: a header, or a first row that holds an address.

    `time_zones` are the names that may stand in a time zone column. InvalidInput where no column holds addresses.
    """
    zones = {name.lower(): name for name in time_zones} | {name: name for name in time_zones}
    found: dict[str, int] = {}
    for position, cell in enumerate(cells):
        known = _FIELD_OF.get(_folded(cell))
        if known is not None:
            found.setdefault(known, position)
    if "email" in found:
        return _columns_by_header(cells, found, zones)
    first_address = next((at for at, cell in enumerate(cells) if is_address(cell)), None)
    if first_address is None:
        named = ", ".join(f"“{cell.strip()[:40]}”" for cell in cells[:20])
        raise InvalidInput(
            f"the file has no column with email addresses (its columns are {named}): name one of them “email”"
        )
    return _columns_by_position(len(cells), first_address, zones)


def _columns_by_header(cells: Sequence[str], found: dict[str, int], zones: dict[str, str]) -> Columns:
    names = [unguard_cell(cell).strip() or f"column_{number}" for number, cell in enumerate(cells, start=1)]
    spoken_for = set(found.values())
    status = names.index(STATUS_COLUMN) if STATUS_COLUMN in names else -1
    if tuple(names[: len(FAULT_COLUMNS)]) == FAULT_COLUMNS:
        spoken_for |= set(range(len(FAULT_COLUMNS)))
    rest: dict[str, int] = {}
    for position, name in enumerate(names):
        if position not in spoken_for and position != status:
            rest.setdefault(name if name not in rest else f"{name}_{position + 1}", position)
    return Columns(
        header=tuple(cells),
        status=status,
        attributes=tuple((position, name) for name, position in rest.items()),
        zones=zones,
        email=found["email"],
        name=found.get("name", -1),
        first_name=found.get("first_name", -1),
        last_name=found.get("last_name", -1),
        language=found.get("language", -1),
        time_zone=found.get("time_zone", -1),
    )


def _columns_by_position(width: int, email: int, zones: dict[str, str]) -> Columns:
    others = [position for position in range(width) if position != email]
    header = ["email" if position == email else f"column_{position + 1}" for position in range(width)]
    if others:
        header[others[0]] = "name"
    return Columns(
        header=tuple(header),
        email=email,
        name=others[0] if others else -1,
        attributes=tuple((position, header[position]) for position in others[1:]),
        has_header=False,
        zones=zones,
    )


def _folded(header: str) -> str:
    return _FOLDED_AWAY.sub("", unicodedata.normalize("NFKC", header).strip("\ufeff\"' ").casefold())


def is_address(cell: str) -> bool:
    """Whether this could be mailed."""
    try:
        normalise_address(unguard_cell(cell.strip()))
    except InvalidInput:
        return False
    return True


def parse_row(record: Record, columns: Columns) -> tuple[ParsedRow, str]:
    """The person of a record, and what was left out of it ("" where nothing was).

    InvalidInput where the row cannot be used: no valid address, or another number of cells than the header has.
    A time zone, language or name that cannot be used is left out: losing it is better than losing the person.
    """
    cells = record.cells
    if record.fault:
        raise InvalidInput(record.fault)
    if len(cells) != len(columns.header):
        cells = _fitted(cells, len(columns.header))
    email = unguard_cell(cells[columns.email].strip())
    if not email:
        raise InvalidInput("the email address is missing")
    address = normalise_address(email)
    name, name_note = read_name(_given_name(cells, columns))
    language, language_note = read_language(cells[columns.language]) if columns.language >= 0 else ("", "")
    zone, zone_note = _time_zone(cells[columns.time_zone], columns.zones) if columns.time_zone >= 0 else ("", "")
    has_left = columns.status >= 0 and cells[columns.status].strip().lower() in HAS_LEFT
    attributes = {key: value for at, key in columns.attributes if (value := unguard_cell(cells[at].strip()))}
    row = ParsedRow(address, record.line, email, name, language, zone, has_left, attributes)
    if name_note or language_note or zone_note:
        return row, "; ".join(filter(None, (name_note, language_note, zone_note)))
    return row, ""


def _fitted(cells: list[str], width: int) -> list[str]:
    if len(cells) > width and not any(cells[width:]):
        return cells[:width]
    raise InvalidInput(f"it has {_columns(len(cells))}, but the first line has {_columns(width)}")


def _columns(count: int) -> str:
    return f"{count} column{'' if count == 1 else 's'}"


def _given_name(cells: list[str], columns: Columns) -> str:
    whole = cells[columns.name] if columns.name >= 0 else ""
    if columns.first_name < 0 and columns.last_name < 0:
        return whole
    first = cells[columns.first_name].strip() if columns.first_name >= 0 else ""
    last = cells[columns.last_name].strip() if columns.last_name >= 0 else ""
    if whole:
        # "Name, Vorname" and "Nom, Prénom": there, a name is the family name alone.
        is_family_name = columns.last_name < 0 and first.casefold() not in whole.casefold()
        return f"{first} {whole}" if is_family_name else whole
    # 姓 and 名 are written together, family name first.
    return last + first if _is_chinese(first) and _is_chinese(last) else f"{first} {last}"


def _is_chinese(text: str) -> bool:
    return bool(text) and all("\u4e00" <= character <= "\u9fff" for character in text)


def read_name(cell: str) -> tuple[str, str]:
    """A name on one line without control characters, and why it was left out ("" where it was not)."""
    name = cell.strip()
    if not name.isprintable() or "  " in name or name.startswith("'"):
        name = " ".join(unguard_cell(_CONTROLS.sub(" ", name).strip()).split())
    if len(name) > MAX_NAME_LENGTH:
        return (
            "",
            f"the name is longer than {MAX_NAME_LENGTH} characters and was left out",
        )
    return name, ""


@lru_cache(maxsize=1024)
def read_language(cell: str) -> tuple[str, str]:
    """A language tag in its usual form (zh-CN), and why it was left out ("" where it was not)."""
    text = cell.strip()
    if not text:
        return "", ""
    if named := _LANGUAGE_OF.get(text.casefold()):
        return named, ""
    if not _LANGUAGE_TAG.fullmatch(text):
        return (
            "",
            f"“{text[:40]}” is not a language code (such as en or zh-CN) and was left out",
        )
    language, *others = text.replace("_", "-").split("-")
    return "-".join([language.lower(), *(_subtag(other) for other in others)]), ""


def _subtag(text: str) -> str:
    # RFC 5646, 2.1.1: regions in capitals, scripts with a first capital, all else small.
    return text.upper() if len(text) == 2 else text.title() if len(text) == 4 else text.lower()


def _time_zone(cell: str, zones: dict[str, str]) -> tuple[str, str]:
    if zone := zones.get(cell):
        return zone, ""
    text = cell.strip()
    if not text:
        return "", ""
    if zone := zones.get(text.replace(" ", "_").lower()):
        return zone, ""
    return "", f"“{text[:40]}” is not a time zone (such as Asia/Shanghai) and was left out"
