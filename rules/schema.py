"""JSON schemas of rule packs and site files, for editors: completion, hints and red lines while somebody types.

The parsers decide (they know names, units and what fits together); a schema knows the options, their forms and limits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from devices.reading import POINTS, Kind
from rules.alarm import Category
from rules.condition import Unknown
from rules.parse_condition import DEVICES_MAX, PARTS_MAX, TIMES_MAX
from rules.parse_fields import ID_MAX, TEXT_MAX
from rules.parse_monthly import A_MONTH_MAX
from rules.parse_people import CERTIFICATES_MAX, LEVEL_WORDS, ORDER_MAX, TYPE_WORDS
from rules.parse_plan import CHAINS_MAX, RESIDENTS, STEPS_MAX
from rules.parse_roster import GROUPS_MAX, PEOPLE_MIN_MAX
from rules.parse_site import BEDS_MAX
from rules.people import PostKind
from rules.rule import Per
from rules.schedule import DAYS
from rules.site import ChannelOrder, Until

Schema = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""Draft 7: what the editors' TOML plug-ins understand."""

_DURATION: Final[Schema] = {
    "type": "string",
    "pattern": r"^([0-9]{1,5}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,6}(\.[0-9]{1,3})?s)?$",
    "minLength": 2,
    "description": "时长 / a duration: 90s, 10m, 2h10m, 7d",
}
_CATEGORIES: Final = [category.value for category in Category]
_OPTIONAL: Final[Schema] = {"type": "string", "maxLength": TEXT_MAX}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX}
_WORDS: Final[Schema] = {
    "oneOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {"zh": _TEXT, "en": {"type": "string", "maxLength": TEXT_MAX}},
            "required": ["zh"],
            "additionalProperties": False,
        },
    ],
    "description": '中英文 / words in both languages: {zh = "…", en = "…"}',
}
_TIME: Final[Schema] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_DATE: Final[Schema] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_MOMENT: Final[Schema] = {"type": "string", "description": "当地时间 / local time: 2026-11-23T08:00:00"}
_BOOLEAN: Final[Schema] = {"type": "boolean"}
_NAMES: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_TAGS: Final[Schema] = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,31}$"}}


def _id(*, dotted: bool = False) -> Schema:
    part = "[a-z0-9][a-z0-9_-]*"
    pattern = rf"^{part}(\.{part})*$" if dotted else f"^{part}$"
    return {"type": "string", "pattern": pattern, "maxLength": ID_MAX}


def _table(required: Collection[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _named(description: str, schema: Mapping[str, Any]) -> Schema:
    return {**schema, "description": description}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _point(*kinds: Kind) -> Schema:
    """The points of the catalogue; numbered ones (`cable_temp.3`) by their form."""
    names = sorted(name for name, point in POINTS.items() if point.kind in kinds)
    numbered = r"^(cable_temp|current\.residual)\.[1-9][0-9]?$"
    if Kind.STATE in kinds:
        numbered = r"^(relay|input)\.([1-9][0-9]?|[A-Z])$"
    return {"anyOf": [{"enum": names}, {"type": "string", "pattern": numbered}], "description": "测点 / a point"}


def _conditions() -> Schema:
    """Every kind of condition, each an object with one key; the same table as the parser's."""
    measure: Schema = {"type": ["number", "string"], "description": "数值，可带单位 / a number, or one with its unit"}
    unknown = _named("未知时 / while unknown", {"enum": [word.value for word in Unknown]})
    number, state = _point(Kind.LEVEL, Kind.COUNT), _point(Kind.STATE)
    inner: Schema = {"$ref": "#/definitions/condition"}
    parts: Schema = {"type": "array", "items": inner, "minItems": 2, "maxItems": PARTS_MAX}
    limit = _table(("point", "limit"), point=number, limit=measure, clear=measure, unknown=unknown)
    count = _table(
        ("of",),
        of=inner,
        devices={"oneOf": [{"const": "all"}, _whole(1, DEVICES_MAX)]},
        times=_whole(1, TIMES_MAX),
        within=_DURATION,
        unknown=unknown,
    )
    # Of one device alone its own rule tells, unless it is asked whether it did lately.
    alone: Schema = {"properties": {"devices": {"const": 1}}, "required": ["devices"]}
    count |= {"if": alone, "then": {"required": ["within"]}}
    sequence = _table(
        ("first", "within"), first=inner, then=inner, then_not=inner, within=_DURATION, unknown=unknown
    )
    schedule = _table((), to=_TIME, days={"type": "array", "items": {"enum": list(DAYS)}})
    schedule["properties"]["from"] = _TIME
    return {
        "equals": _named(
            "测点等于 / the point has this value",
            _table(("point", "value"), point=state, value={"type": ["boolean", "string"]}, unknown=unknown),
        ),
        "above": _named("高于（带回差）/ above, with a clear level", limit),
        "below": _named("低于（带回差）/ below, with a clear level", limit),
        "silent": _named("设备失联 / the device says nothing", _table(())),
        "all": _named("全部成立 / every part holds", parts),
        "any": _named("任一成立 / some part holds", parts),
        "not": _named("不成立 / the part does not hold", inner),
        "rising": _named(
            "持续上升 / the floor keeps rising",
            _table(
                ("point", "by", "within"), point=number, by=measure, within=_DURATION, clear=measure, unknown=unknown
            ),
        ),
        "count": _named("多台设备或多次 / so many devices of a place, or so many times", count),
        "sequence": _named("先后 / one after (or not after) another", sequence),
        "schedule": _named("时段 / a time of day, or days", schedule),
    }


def rules_schema(kinds: Collection[str]) -> Schema:
    """The schema of a rule pack. `kinds` are the kinds of devices of the catalogue."""
    conditions = _conditions()
    select = _table(
        (), kinds={"type": "array", "items": {"enum": sorted(kinds)}}, zones=_NAMES, devices=_NAMES, tags=_TAGS
    )
    rule = _table(
        ("id", "title", "category", "condition"),
        id=_id(dotted=True),
        title=_WORDS,
        category=_named("类别 / category", {"enum": _CATEGORIES}),
        condition={"$ref": "#/definitions/condition"},
        select=_named("适用设备 / the devices it is about", select),
        priority=_named("优先级 1（最高）到 4 / 1 is the highest", _whole(1, 4)),
        raise_after=_named("持续多久才报警 / how long it must hold", _DURATION),
        clear_after=_named("恢复多久才解除 / how long it must be over", _DURATION),
        latch=_named("锁定至人工复位 / stays until a person resets it", _BOOLEAN),
        procedure=_named("处置步骤 / what to do", _WORDS),
        per=_named("按设备或按场所 / of each device, or of a place", {"enum": [per.value for per in Per]}),
        verify=_named("需要复核 / a person has to verify it", _BOOLEAN),
        shelve_max=_named("最长搁置 / how long it may be shelved", _DURATION),
        suppressed_by=_named("由哪些规则解释 / rules whose alarm explains this one", _NAMES),
        attends=_named("表示有人到场的对象规则 / rules of whose alarms this one tells that somebody came", _NAMES),
        source=_named("依据 / where the numbers come from", {"type": "string", "maxLength": TEXT_MAX}),
    )
    return {
        "$schema": DIALECT,
        "title": "安联网 rule pack",
        **_table(("rule",), rule={"type": "array", "items": rule, "minItems": 1}),
        "definitions": {
            "condition": {
                "type": "object",
                "properties": conditions,
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            }
        },
    }


def site_schema(kinds: Collection[str]) -> Schema:
    """The schema of a site file. `kinds` are the kinds of devices of the catalogue."""
    home = _table(
        ("id", "name"),
        id={**_id(), "maxLength": 32},
        name=_WORDS,
        county=_id(),
        town=_id(),
        address=_OPTIONAL,
        timezone=_named("时区 / of the time zone database", _OPTIONAL),
        single_staffed=_named("单人值班：更快向外求助 / one carer alone: help from outside sooner", _BOOLEAN),
    )
    zone = _table(
        ("id", "name"),
        id=_id(),
        name=_WORDS,
        building=_OPTIONAL,
        floor=_OPTIONAL,
        residents={"enum": list(RESIDENTS)},
        beds=_whole(0, BEDS_MAX),
        tags=_TAGS,
        drawing=_named("平面图文件 / file of a picture of it, beside this file", _OPTIONAL),
    )
    schema = _table(
        ("home", "zone"),
        home=home,
        zone={"type": "array", "items": zone, "minItems": 1},
        device={"type": "array", "items": _device(kinds)},
        person={"type": "array", "items": _person("role", assigned_from=_DATE, assigned_until=_DATE)},
        contact={"type": "array", "items": _contact()},
        post={"type": "array", "items": _post()},
        shift={"type": "array", "items": _shift()},
        override={"type": "array", "items": _override()},
        plan={"type": "array", "items": _plan()},
        test_alarms=_table(
            (),
            a_month=_named("每月测试报警次数 / test alarms a month (GB 50440: 2)", _whole(1, A_MONTH_MAX)),
            to=_TIME,
            devices={"type": "array", "items": _id()},
            time_limit=_DURATION,
            **{"from": _TIME},
        ),
    )
    return {"$schema": DIALECT, "title": "安联网 site file", **schema}


def _device(kinds: Collection[str]) -> Schema:
    return _table(
        ("id", "kind", "source", "address", "zone", "name"),
        id=_id(),
        kind={"enum": sorted(kinds)},
        source=_TEXT,
        address=_TEXT,
        zone=_id(),
        name=_WORDS,
        room=_OPTIONAL,
        profile=_TEXT,
        category={"enum": _CATEGORIES},
        silence_limit=_DURATION,
        clears_are_trusted=_BOOLEAN,
        means=_named(
            '接入点的实际含义 / what its inputs are here: {"input.1" = "smoke.alarm"}',
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        circuit=_named("所属回路 / the electrical circuit", _id()),
        tags=_named("标签 / bathroom, exit, lives_alone, uplink, …", _TAGS),
    )


def people_schema() -> Schema:
    """The schema of the file of people that several homes share."""
    home = _table(("home",), home=_id(), role=_id(), until=_DATE)
    home["properties"]["from"] = _DATE
    homes: Schema = {"type": "array", "items": home, "minItems": 1}
    people = _table(("person",), person={"type": "array", "items": _person("homes", homes=homes)})
    return {"$schema": DIALECT, "title": "安联网 people file", **people}


def _channels() -> Schema:
    channel = _table(
        ("destination",),
        destination=_TEXT,
        address=_OPTIONAL,
        consent=_named("本人同意 / the person agreed to be called so", _BOOLEAN),
        order=_named("先后：相同则同时 / equal ones at once, larger ones later", _whole(0, ORDER_MAX)),
    )
    return {"type": "array", "items": channel}


def _person(*required: str, **more: Schema) -> Schema:
    certificate = _table(
        ("type",),
        type={"enum": list(TYPE_WORDS)},
        level={"enum": list(LEVEL_WORDS)},
        number=_OPTIONAL,
        expires_on=_DATE,
    )
    return _table(
        ("id", "name", *required),
        id=_id(),
        name=_TEXT,
        role=_id(),
        channels=_channels(),
        group=_named("群 / a group chat", _BOOLEAN),
        on_duty=_BOOLEAN,
        teams=_named("小组 / teams", _NAMES),
        phones=_named("供人查看的电话 / numbers for people to read", _NAMES),
        certificates={"type": "array", "items": certificate, "maxItems": CERTIFICATES_MAX},
        **more,
    )


def _contact() -> Schema:
    return _table(
        ("id", "name"),
        id=_id(),
        name=_TEXT,
        role=_id(),
        home=_named("所属邻近机构 / the neighbour home it belongs to", _id()),
        channels=_channels(),
        phones=_NAMES,
        group=_BOOLEAN,
    )


def _hours() -> dict[str, Schema]:
    return {"from": _TIME, "to": _TIME, "days": {"type": "array", "items": {"enum": list(DAYS)}}}


def _post() -> Schema:
    return _table(
        ("id", "name"),
        id=_id(),
        name=_WORDS,
        kind={"enum": [kind.value for kind in PostKind]},
        people_min=_named("至少几人 / how many at least", _whole(1, PEOPLE_MIN_MAX)),
        certificate={"enum": list(TYPE_WORDS)},
        level_min={"enum": list(LEVEL_WORDS)},
        single_allowed_by=_named("允许单人值班的地方规定 / the local rule that allows one alone", _OPTIONAL),
        combinable=_named("可由兼岗人员值守 / may be held beside another post", _BOOLEAN),
        **_hours(),
    )


def _shift() -> Schema:
    return _table(
        ("id", "post"),
        id=_id(),
        post=_id(),
        people=_NAMES,
        groups=_named("轮班各组 / those who take turns", {"type": "array", "items": _NAMES, "maxItems": GROUPS_MAX}),
        rotates_from=_named("第一组从哪天起 / the day on which the first group begins", _DATE),
        rotate_every=_named("几天一轮换 / a turn lasts so many days", _whole(1, 366)),
        from_on=_DATE,
        until_on=_DATE,
        dates={"type": "array", "items": _DATE},
        **_hours(),
    )


def _override() -> Schema:
    schema = _table(("from", "until"), post=_id(), person=_id(), instead_of=_id(), reason=_OPTIONAL)
    schema["properties"] |= {"from": _MOMENT, "until": _MOMENT}
    return schema


def _plan() -> Schema:
    step = _table(
        ("tell",),
        tell={**_NAMES, "minItems": 1},
        after=_DURATION,
        channels=_named("只用这些通道或类别 / only these channels or kinds", _NAMES),
        order={"enum": [order.value for order in ChannelOrder]},
    )
    steps = {"type": "array", "items": step, "minItems": 1, "maxItems": STEPS_MAX}
    repeats: dict[str, Schema] = {"repeat_every": _DURATION, "repeats_max": _whole(0, 10_000)}
    chain = _table(("name", "steps"), name=_id(), steps=steps, **repeats)
    when = _table((), **_hours())
    return _table(
        ("category", "steps"),
        category={"enum": _CATEGORIES},
        id=_id(),
        when=_named("何时适用 / when it holds", when),
        residents=_named(
            "适用于哪类老人的区域 / for zones of these residents",
            {"type": "array", "items": {"enum": list(RESIDENTS)}},
        ),
        until=_named("到何时为止 / what must be done before it stops", {"enum": [until.value for until in Until]}),
        re_alarm_after=_named("接手后多久没有结论则重新呼叫 / without a verdict by then it begins anew", _DURATION),
        channel_wait=_named("一个通道等多久 / how long one channel is waited for", _DURATION),
        hastened=_named("夜间、失能失智、单人值班时加快 / sooner at night, for the helpless, for one alone", _BOOLEAN),
        steps=steps,
        chains=_named(
            "并行的其他链 / chains beside the home's own",
            {"type": "array", "items": chain, "maxItems": CHAINS_MAX},
        ),
        **repeats,
    )
