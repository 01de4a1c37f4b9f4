"""The people of a site file, or of one file that several homes share: channels, certificates, days, teams, contacts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from rules.parse_fields import Fault, Table, suggestion, unique
from rules.people import Assignment, Certificate, CertificateLevel, CertificateType
from rules.site import Channel, Person

PEOPLE_MAX: Final = 2000
CERTIFICATES_MAX: Final = 20
PHONES_MAX: Final = 8
ORDER_MAX: Final = 9

CERTIFICATES_ZH: Final[Mapping[str, CertificateType]] = {
    "消防设施操作员": CertificateType.FIRE_FACILITY_OPERATOR,
    "养老护理员": CertificateType.CARE_WORKER,
    "急救员": CertificateType.FIRST_AID,
    "消防安全管理人": CertificateType.FIRE_SAFETY,
    "电工": CertificateType.ELECTRICIAN,
    "其他": CertificateType.OTHER,
}
LEVELS_ZH: Final[Mapping[str, CertificateLevel]] = {
    "不分级": CertificateLevel.ANY,
    "初级": CertificateLevel.JUNIOR,
    "中级": CertificateLevel.INTERMEDIATE,
    "高级": CertificateLevel.SENIOR,
    "技师": CertificateLevel.TECHNICIAN,
    "高级技师": CertificateLevel.SENIOR_TECHNICIAN,
}
"""What people write on a roster; 初级 is 五级/初级工, 高级技师 is 一级."""

TYPE_WORDS: Final = {**{kind.value: kind for kind in CertificateType}, **CERTIFICATES_ZH}
LEVEL_WORDS: Final = {**{level.value: level for level in CertificateLevel}, **LEVELS_ZH}


def parse_people(
    tables: Sequence[Table], destinations: Collection[str] | None, shared: Sequence[Person] = ()
) -> tuple[Person, ...]:
    """The people of a home: those of its own file, and behind them those of the file that homes share."""
    people = [(table, _person(table, destinations)) for table in tables]
    unique([(table, person.id) for table, person in people], "id", "person")
    taken = {person.id for person in shared}
    for table, person in people:
        if person.id in taken:
            problem = f"person {person.id!r} stands in the file of people that homes share, too"
            table.fault("id", problem, "Strike it out in one of them, or give it another id")
    return (*(person for _, person in people), *shared)


def parse_contacts(
    tables: Sequence[Table], destinations: Collection[str] | None, people: Sequence[Person]
) -> tuple[Person, ...]:
    """People of elsewhere whom plans may name: of a neighbour home (`home`), of the county."""
    contacts = [(table, _contact(table, destinations)) for table in tables]
    unique([(table, contact.id) for table, contact in contacts], "id", "contact")
    taken = {person.id for person in people}
    for table, contact in contacts:
        if contact.id in taken:
            table.fault("id", f"{contact.id!r} is a person of this home already", "Give the contact another id")
    return tuple(contact for _, contact in contacts)


def parse_shared_people(
    values: Mapping[str, object], destinations: Collection[str] | None, homes: Collection[str]
) -> tuple[dict[str, tuple[Person, ...]], list[Fault]]:
    """The people of the file that homes share, by home, and every fault in it."""
    faults: list[Fault] = []
    root = Table(values, "", faults)
    tables = root.tables("person")
    if len(tables) > PEOPLE_MAX:
        root.fault("person", f"has {len(tables)} entries", f"At most {PEOPLE_MAX} are allowed")
    by_home: dict[str, list[Person]] = {home: [] for home in homes}
    seen: list[tuple[Table, str]] = []
    for table in tables[:PEOPLE_MAX]:
        table.name_subject("person")
        spans: dict[tuple[str, str], list[Assignment]] = {}
        inner = table.tables("homes")
        if not inner:
            table.fault("homes", "names no home", 'Write homes = [{home = "home-a", role = "carer"}]')
        for each in inner:
            home, role = each.text("home"), each.id("role", "")
            each.known("home", home, homes, "home")
            spans.setdefault((home, role), []).append(_assignment(each, "from", "until"))
            each.close()
        person = _person(table, destinations, shared=True)
        seen.append((table, person.id))
        for (home, role), assigned in spans.items():
            known = [other for other in by_home.get(home, ()) if other.id == person.id]
            if known and role not in ("", known[0].role):
                table.fault("homes", f"has two roles in {home}", "A person has one role in a home: put it on a team")
            elif home in by_home:
                by_home[home].append(_in_home(person, role, assigned))
            if not role and not person.role:
                table.fault("role", "is missing", 'Write role = "carer" here, or in each of homes')
    unique(seen, "id", "person")
    root.close()
    return {home: tuple(people) for home, people in by_home.items()}, faults


def _in_home(person: Person, role: str, assigned: list[Assignment]) -> Person:
    always = any(span == Assignment() for span in assigned)
    return Person(
        id=person.id,
        name=person.name,
        role=role or person.role,
        channels=person.channels,
        group=person.group,
        on_duty=person.on_duty,
        teams=person.teams,
        phones=person.phones,
        certificates=person.certificates,
        assigned=() if always else tuple(assigned),
    )


def _person(table: Table, destinations: Collection[str] | None, *, shared: bool = False) -> Person:
    table.name_subject("person")
    span = Assignment() if shared else _assignment(table, "assigned_from", "assigned_until")
    person = Person(
        id=table.id("id"),
        name=table.text("name"),
        role=table.id("role", "") if shared else table.id("role"),
        channels=_channels(table, destinations),
        group=table.flag("group", False),
        on_duty=table.flag("on_duty", True),
        teams=_teams(table),
        phones=_phones(table),
        certificates=_certificates(table),
        assigned=() if span == Assignment() else (span,),
    )
    table.close()
    return person


def _contact(table: Table, destinations: Collection[str] | None) -> Person:
    table.name_subject("contact")
    contact = Person(
        id=table.id("id"),
        name=table.text("name"),
        role=table.id("role", "contact"),
        channels=_channels(table, destinations),
        group=table.flag("group", False),
        phones=_phones(table),
        home=table.id("home", ""),
    )
    table.close()
    return contact


def _assignment(table: Table, first: str, last: str) -> Assignment:
    span = Assignment(table.day(first), table.day(last))
    if span.from_on is not None and span.until_on is not None and span.until_on < span.from_on:
        table.fault(last, f"is before {first}", "The last day is the same or a later one")
    return span


def _teams(table: Table) -> tuple[str, ...]:
    teams = table.names("teams")
    for team in teams:
        if not team or not all(part.isascii() and (part.isalnum() or part in "-_") for part in team):
            table.fault("teams", f"{team!r} is not a team", "Use only a-z, 0-9, - and _")
    return teams


def _phones(table: Table) -> tuple[str, ...]:
    phones = table.names("phones")
    for phone in phones:
        digits = phone.replace(" ", "").replace("-", "")
        if not digits.removeprefix("+").isdecimal() or not 3 <= len(digits) <= 16:
            mend = 'Write it like "+86 138 0000 0000" or "0731-8888"'
            table.fault("phones", f"{phone!r} is not a phone number", mend)
    if len(phones) > PHONES_MAX:
        table.fault("phones", f"has {len(phones)} entries", f"At most {PHONES_MAX} are allowed")
    return phones[:PHONES_MAX]


def _channels(table: Table, destinations: Collection[str] | None) -> tuple[Channel, ...]:
    channels = tuple(_channel(channel, destinations) for channel in table.tables("channels"))
    unique([(table, f"{c.destination} {c.address}".strip()) for c in channels], "channels", "channel")
    return channels


def _channel(table: Table, destinations: Collection[str] | None) -> Channel:
    destination = table.text("destination")
    table.known("destination", destination, destinations, "destination")
    channel = Channel(
        destination=destination,
        address=table.text("address", ""),
        consent=table.flag("consent", True),
        order=table.whole("order", 0, 0, ORDER_MAX),
    )
    table.close()
    return channel


def _certificates(table: Table) -> tuple[Certificate, ...]:
    tables = table.tables("certificates")
    if len(tables) > CERTIFICATES_MAX:
        table.fault("certificates", f"has {len(tables)} entries", f"At most {CERTIFICATES_MAX} are allowed")
    return tuple(_certificate(each) for each in tables[:CERTIFICATES_MAX])


def _certificate(table: Table) -> Certificate:
    certificate = Certificate(
        type=certificate_type(table, "type", table.text("type")) or CertificateType.OTHER,
        level=certificate_level(table, "level"),
        number=table.text("number", ""),
        expires_on=table.day("expires_on"),
    )
    table.close()
    return certificate


def certificate_type(table: Table, name: str, text: str) -> CertificateType | None:
    """What a field names, in either language, or None with a fault ("" is none without one)."""
    if text and text not in TYPE_WORDS:
        table.fault(name, f"unknown certificate {text!r}", suggestion(text, TYPE_WORDS))
    return TYPE_WORDS.get(text)


def certificate_level(table: Table, name: str) -> CertificateLevel:
    """The level that a field names, in either language."""
    text = table.text(name, CertificateLevel.ANY.value)
    if text not in LEVEL_WORDS:
        table.fault(name, f"unknown level {text!r}", suggestion(text, LEVEL_WORDS))
    return LEVEL_WORDS.get(text, CertificateLevel.ANY)
