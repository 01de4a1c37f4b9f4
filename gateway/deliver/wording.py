"""The words of a notice, in Chinese and English: what, where, when, who is told, what to do. No resident's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from gateway.clock import STEP_LIMIT
from rules.alarm import Category
from rules.details import detail_in, is_plain_yes
from rules.effects import Notify
from rules.incident import Incident
from rules.place import subject_words, zone_parts
from rules.site import ResidentClass, Site
from rules.text import Text
from rules.wall_button import button_names

SHORT_MAX = 70
"""Characters of one short message with Chinese words (3GPP TS 23.038: 140 octets of UCS-2)."""

SPREAD_SHOWN = 6
"""Detectors that a message names in the order in which they spoke; the page names all."""

CATEGORY_WORDS: dict[Category, Text] = {
    Category.FIRE: Text("火警", "FIRE"),
    Category.GAS: Text("燃气报警", "GAS"),
    Category.PERSON: Text("人员求助", "PERSON NEEDS HELP"),
    Category.ELECTRICAL: Text("电气火灾预警", "ELECTRICAL"),
    Category.SUPERVISORY: Text("监管", "SUPERVISORY"),
    Category.TROUBLE: Text("故障", "TROUBLE"),
    Category.VIDEO: Text("视频", "VIDEO"),
}
_RESIDENT_WORDS: dict[ResidentClass, Text] = {
    ResidentClass.INDEPENDENT: Text("自理", "independent"),
    ResidentClass.PARTLY_DEPENDENT: Text("半失能", "partly dependent"),
    ResidentClass.DEPENDENT: Text("失能", "dependent"),
    ResidentClass.DEMENTIA: Text("失智", "dementia"),
}
_UNASSIGNED = Text("未登记区域", "unassigned zone")
_OWN_ZONES = {
    "": _UNASSIGNED,
    "unassigned": _UNASSIGNED,
    "gateway": Text("网关自身", "the gateway itself"),
    "duty": Text("值班", "duty"),
    "phones": Text("送达电话与通道", "phones and channels"),
}
"""The zones of the engine's own alarms, which no site file names."""
_DRILL = Text("演练", "DRILL")
_REPEAT = Text("再次呼叫", "REPEAT")
_RECURRED = Text("复现", "RECURRED")
_FOUND = Text("启动时已存在，开始时间不明", "found at start, begin unknown")
_FOUND_SHORT = Text("时间不明", "begin unknown")
_LATE = Text("迟报", "LATE")
_TAKEN = Text("已有人接手", "TAKEN ON")
_OVER = Text("已结束", "OVER")
_SUPPORT = Text("请求支援", "SUPPORT NEEDED")


class Parts(msgspec.Struct, frozen=True):
    """The pieces of a notice that fill a provider's template, each by itself. `place` is home, zone and room."""

    title: str = ""
    category: str = ""
    home: str = ""
    zone: str = ""
    room: str = ""
    place: str = ""
    time: str = ""
    code: str = ""


class Notice(msgspec.Struct, frozen=True):
    """A notice in one language: a title, lines in order, all in one text, and a form of at most 70 characters."""

    title: str
    lines: tuple[str, ...]
    short: str
    url: str
    language: str
    parts: Parts = Parts()

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class _Words:
    """The choice of one language, and the separators that go with it."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.english = language == "en"

    def of(self, text: Text) -> str:
        return one_line(text.in_language(self.language))

    def pick(self, zh: str, en: str) -> str:
        return en if self.english else zh


def one_line(text: str) -> str:
    """Text without line breaks, tabs and control characters: a device's value must not become a layout."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def on_the_wall(notify: Notify, shift: timedelta) -> Notify:
    """The message with its instants as the wall clock shows them: after a step they differ from engine time."""
    if abs(shift) <= STEP_LIMIT:
        return notify
    alarm = replace(notify.alarm, raised_at=notify.alarm.raised_at + shift)
    taken = notify.incident.acknowledged_at
    incident = replace(
        notify.incident,
        opened_at=notify.incident.opened_at + shift,
        acknowledged_at=None if taken is None else taken + shift,
    )
    return replace(notify, at=notify.at + shift, alarm=alarm, incident=incident)


def compose(notify: Notify, site: Site | None, url: str, language: str = "zh", *, drill: bool = False) -> Notice:
    """The notice for one message. Without the site, ids stand where names would."""
    words = _Words(language)
    alarm = notify.alarm
    drill = drill or bool(alarm.drill)
    title_words = _title(words, notify, drill)
    home, zone, room = _place(words, notify, site)
    when = _clock_words(alarm.raised_at, site, words)
    remarks = _remarks(words, notify, site)
    where = words.pick(" ", ", ").join(part for part in (home, zone, room) if part)
    title = f"{title_words}{words.of(alarm.title)}"
    lines = [
        title,
        f"{words.pick('地点', 'Where')}{words.pick('：', ': ')}{where}",
        f"{words.pick('时间', 'When')}{words.pick('：', ': ')}{when}",
    ]
    if remarks:
        lines.append(f"{words.pick('说明', 'Note')}{words.pick('：', ': ')}{remarks}")
    if alarm.value and not is_plain_yes(alarm.value):
        lines.append(f"{words.pick('数值', 'Value')}{words.pick('：', ': ')}{one_line(alarm.value)}")
    residents = _residents(words, alarm.zone, site)
    if residents:
        lines.append(f"{words.pick('住养人员', 'Residents')}{words.pick('：', ': ')}{residents}")
    lines.append(_who_is_told(words, notify, site))
    lines.append(_asked_of_you(words, notify, site))
    parts = Parts(title, words.of(CATEGORY_WORDS[alarm.category]), home, zone, room, where, when, notify.code)
    return Notice(title, tuple(lines), _short(words, notify, (home, zone, room), when, drill), url, language, parts)


def _title(words: _Words, notify: Notify, drill: bool) -> str:
    """`【演练】【火警】`, `[DRILL] [FIRE] `: the marks that must be read first."""
    marks = [_DRILL] if drill else []
    if notify.purpose == "over":
        # Somebody who comes is not yet somebody who has put it out.
        marks.append(_OVER if notify.incident.closed_at is not None else _TAKEN)
    elif notify.incident.support_by:
        marks.append(_SUPPORT)
    elif notify.purpose == "repeat":
        marks.append(_RECURRED if notify.alarm.repeats else _REPEAT)
    if notify.alarm.late:
        marks.append(_LATE)
    marks.append(CATEGORY_WORDS[notify.alarm.category])
    if words.english:
        return "".join(f"[{words.of(mark)}] " for mark in marks)
    return "".join(f"【{words.of(mark)}】" for mark in marks)


def _place(words: _Words, notify: Notify, site: Site | None) -> tuple[str, str, str]:
    alarm = notify.alarm
    if site is None:
        return notify.incident.home, alarm.zone, alarm.subject
    home = words.of(site.name) or site.id
    zone = next((each for each in site.zones if each.id == alarm.zone), None)
    device = next((each for each in site.devices if each.id == alarm.subject), None)
    if zone is not None:
        zone_name = one_line(words.pick(" ", ", ").join(zone_parts(zone, words.language)))
    else:
        zone_name = words.of(_OWN_ZONES[alarm.zone]) if alarm.zone in _OWN_ZONES else alarm.zone
    post = next((each for each in site.posts if alarm.subject == f"post:{each.id}"), None)
    if post is not None:
        return home, zone_name, one_line(words.of(post.name))
    if device is None:
        return home, zone_name, one_line(subject_words(alarm.subject, words.language))
    return home, zone_name, one_line(f"{device.room} {words.of(device.name)}")


def _clock_words(instant: datetime, site: Site | None, words: _Words) -> str:
    """The instant as a clock in the home shows it; in UTC, and said so, where the home's time zone is not known."""
    try:
        local = instant.astimezone(ZoneInfo(site.timezone if site is not None else ""))
    except (ZoneInfoNotFoundError, ValueError):
        return f"{instant.astimezone(UTC):%m-%d %H:%M:%S} UTC"
    return local.strftime(words.pick("%m月%d日 %H:%M:%S", "%d %b %H:%M:%S"))


def _remarks(words: _Words, notify: Notify, site: Site | None) -> str:
    alarm = notify.alarm
    remarks: list[str] = []
    if alarm.found:
        remarks.append(words.of(_FOUND))
    if alarm.late:
        remarks.append(words.pick("网关中断期间发生，现在补报", "decided late, after the gateway was down"))
    if alarm.repeats:
        remarks.append(words.pick(f"第{alarm.repeats}次复现", f"recurred {alarm.repeats} times"))
    if notify.incident.support_by:
        by = _names(site).get(notify.incident.support_by, one_line(notify.incident.support_by))
        remarks.append(words.pick(f"{by}在现场请求支援", f"{by} is there and needs support"))
    if notify.incident.confirmed:
        remarks.append(words.pick("已有第二个探测器或手报确认", "confirmed by a second detector or call point"))
    spread = notify.incident.spread
    if len(spread) > 1:
        remarks.append(_spread(words, [each.subject for each in spread], site))
    if alarm.detail:
        remarks.append(one_line(detail_in(alarm.detail, words.language)))
    return words.pick("；", "; ").join(remarks)


def _spread(words: _Words, subjects: list[str], site: Site | None) -> str:
    """Where it began and which way it went: the first ones in order, and how many there are."""
    devices = {device.id: device for device in site.devices} if site is not None else {}
    names = []
    for subject in subjects[:SPREAD_SHOWN]:
        device = devices.get(subject)
        names.append(one_line(f"{device.room} {words.of(device.name)}" if device is not None else subject))
    more = " → …" if len(subjects) > SPREAD_SHOWN else ""
    order = " → ".join(names) + more
    return words.pick(f"已有{len(subjects)}处先后报警：{order}", f"{len(subjects)} in alarm, in this order: {order}")


def _residents(words: _Words, zone_id: str, site: Site | None) -> str:
    zone = next((each for each in site.zones if each.id == zone_id), None) if site is not None else None
    if zone is None or zone.residents is ResidentClass.NONE:
        return ""
    kind = words.of(_RESIDENT_WORDS[zone.residents])
    beds = words.pick(f"，{zone.beds}床", f", {zone.beds} beds") if zone.beds else ""
    return f"{kind}{beds}"


def _names(site: Site | None) -> dict[str, str]:
    people = (*site.people, *site.contacts) if site is not None else ()
    buttons = button_names(site) if site is not None else {}
    return {name: one_line(shown) for name, shown in (*buttons.items(), *((one.id, one.name) for one in people))}


def _who_is_told(words: _Words, notify: Notify, site: Site | None) -> str:
    names = _names(site)
    told = [names.get(person, person) for person in dict.fromkeys((*notify.incident.told, notify.person))]
    return words.pick(
        f"已通知：{'、'.join(told)}（第{notify.step}步）", f"Told: {', '.join(told)} (step {notify.step})"
    )


def _asked_of_you(words: _Words, notify: Notify, site: Site | None) -> str:
    if notify.purpose == "over":
        return _how_it_ended(words, notify.incident, site)
    if notify.alarm.category is Category.FIRE:
        return words.pick(
            "请立即到场查看并确认；如属实，疏散人员并拨打119。",
            "Go and look now, then acknowledge; if it is real, evacuate and call 119.",
        )
    if notify.alarm.category.endangers_people:
        return words.pick("请立即到场查看并确认。", "Go and look now, then acknowledge.")
    return words.pick("请查看并确认。", "Please look and acknowledge.")


def _how_it_ended(words: _Words, incident: Incident, site: Site | None) -> str:
    if incident.closed_at is not None:
        return words.pick("事件已结束，无需再去。", "The incident is closed; nobody else needs to go.")
    by = _names(site).get(incident.acknowledged_by, one_line(incident.acknowledged_by))
    return words.pick(f"{by or '有人'}已接手处理。", f"{by or 'Somebody'} has taken it on.")


def _short(words: _Words, notify: Notify, place: tuple[str, str, str], when: str, drill: bool) -> str:
    """At most 70 characters. The marks, the room and the time stay whole; the home, then the zone, give way."""
    alarm = notify.alarm
    home, zone, room = place
    found = words.of(_FOUND_SHORT) if alarm.found else ""
    head = _title(words, notify, drill)
    title, tail = words.of(alarm.title), f"{when.split(' ')[-1] if 'UTC' not in when else when} {found}".strip()
    for parts in (
        (home, zone, room, title, tail),
        (zone, room, title, tail),
        (zone, room, tail),
        (room, tail),
        (tail,),
    ):
        text = head + " ".join(part for part in parts if part)
        if len(text) <= SHORT_MAX:
            return text
    return (head + tail)[:SHORT_MAX]
