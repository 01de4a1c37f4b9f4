"""The dashboard of one home: what is wrong now, what the wires and rooms do, and who is silent."""

from __future__ import annotations

from dashboards.panels import (
    CATEGORIES,
    DATASOURCE,
    Json,
    bars,
    dashboard,
    heading,
    note,
    override,
    point_unit,
    series,
    stat,
    table,
    target,
    thresholds,
    timeline,
    variable,
    words,
)
from dashboards.queries import ANY_KIND, HOME, HOME_ONLY, TIMEZONE, of_point, open_alarms, over_time

_ROOMS = "/^(climate|smoke|heat)$/"
_WIRES = "/^(electrical|cable_temp)$/"

_HOW_TO_READ = """\
**先看第一行：** 有红色就按值班手册处理——先到现场看，再在控制台“确认”。本页只是显示，**确认、消音、复位都在控制台**，\
本页不显示不等于没有报警。\
 **First row first:** where it is red, go and look, then acknowledge in the console. This page only shows; an empty \
panel means "nothing stored", not "nothing wrong": check *最近上报* (last heard) and *网关链路* (links)."""


def _alarms() -> list[Json]:
    return [
        note(_HOW_TO_READ),
        stat(
            "未结束的报警 / Open alarms",
            "Alarms that are active or latched, by category. Any number above 0 in fire, gas or person: go there now. "
            "Looks back 90 days (about 72 h on InfluxDB 3 Core).",
            [target(open_alarms(HOME, '"category"'), alias="$tag_category")],
            width=24,
            defaults={"noValue": "没有记录 / none on record", "thresholds": thresholds((None, "green"), (1, "red"))},
            overrides=[
                override(name, displayName=zh, thresholds=thresholds((None, "green"), (1, color)))
                for name, (zh, color) in CATEGORIES.items()
            ],
        ),
        table(
            "报警记录（24 小时）/ Alarms, last 24 h",
            "Every change of every alarm, newest first. A fire, gas or person alarm without an `acknowledged` row "
            "after it was not taken on by anybody: open it in the console.",
            'SELECT "title", "category", "zone", "device", "change", "state", "value", "priority", "id" FROM "alarm" '
            f"WHERE {HOME} AND time > now() - 24h ORDER BY time DESC LIMIT 500",
            sort="Time",
            newest_first=True,
            width=16,
            overrides=[
                override("title", displayName="报警 / alarm"),
                override(
                    "category",
                    displayName="类别",
                    mappings=words(**{f"v{name}": pair for name, pair in CATEGORIES.items()}),
                ),
            ],
        ),
        series(
            "跌倒与呼救 / Falls and SOS calls",
            "Alarms of the category person as they were raised. A bar at night in the same zone again and again: "
            "have the room looked at.",
            [target(over_time('count("id")', '"alarm"', f"{HOME} AND \"category\" = 'person' AND \"change\" = 'raised'",
                              '"rule"'), alias="$tag_rule")],
            unit="short",
            width=8,
            style="bars",
            interval="10m",
        ),
    ]  # fmt: skip


def _electrical() -> list[Json]:
    phases = [
        target(
            of_point("max", f"current.{phase}", '"electrical"', HOME),
            alias=f"$tag_device {phase.upper()}相",
            ref=phase.upper(),
        )
        for phase in "abc"
    ]
    residual = [target(of_point("max", "current.residual", '"electrical"', HOME), alias="$tag_device")] + [
        target(
            of_point("max", f"current.residual.{number}", '"electrical"', HOME),
            alias=f"$tag_device {number}",
            ref=f"R{number}",
        )
        for number in range(1, 5)
    ]
    cables = [
        target(of_point("max", f"cable_temp.{number}", _WIRES, HOME), alias=f"$tag_device {number}", ref=f"T{number}")
        for number in range(1, 5)
    ]
    return [
        heading("电气 / Electrical"),
        series(
            "剩余电流 / Residual current",
            "The largest value of each step. Lines where the rule pack warns (180 mA: look for damp or worn "
            "wiring) and raises (300 mA: GB 14287.2, GB 50116-2013 section 9): switch the circuit off and call the "
            "electrician.",
            residual,
            unit=point_unit("current.residual"),
            limit=thresholds((None, "green"), (180, "yellow"), (300, "red")),
        ),
        series(
            "三相电流 / Three-phase current",
            "The largest value of each step. One phase far above the others: move loads before the breaker does it.",
            phases,
            unit=point_unit("current.a"),
        ),
        series(
            "线缆温度 / Cable temperature",
            "The largest value of each step. Lines where the rule pack warns (60 °C) and raises (70 °C, within the "
            "set range of GB 14287.3): take the load off, let it be "
            "checked before it is switched on again.",
            cables,
            unit=point_unit("cable_temp.1"),
            limit=thresholds((None, "green"), (60, "yellow"), (70, "red")),
        ),
        series(
            "功率 / Power",
            "Mean of each step. A load at night that is not there on other nights: look for a heater left on.",
            [target(of_point("mean", "power", "/^(electrical|plug)$/", HOME), alias="$tag_device")],
            unit=point_unit("power"),
            width=6,
        ),
        series(
            "用电量 / Energy",
            "Growth of the running total in each step (at least an hour).",
            [
                target(
                    over_time('non_negative_difference(last("energy"))', "/^(electrical|plug)$/", HOME),
                    alias="$tag_device",
                )
            ],
            unit=point_unit("energy"),
            width=6,
            style="bars",
            interval="1h",
        ),
    ]


def _rooms() -> list[Json]:
    return [
        heading("房间 / Rooms"),
        series(
            "温度 / Temperature",
            "Mean of each step. A cold room where somebody lives: heat it; a sudden rise: go and look.",
            [target(of_point("mean", "temperature", _ROOMS, HOME), alias="$tag_device")],
            unit=point_unit("temperature"),
            width=8,
        ),
        series(
            "湿度 / Humidity",
            "Mean of each step. Above 80 % for days: air the room, damp gets into sockets and walls.",
            [target(of_point("mean", "humidity", _ROOMS, HOME), alias="$tag_device")],
            unit=point_unit("humidity"),
            width=8,
        ),
        series(
            "烟雾遮光度 / Smoke obscuration",
            "The largest value of each step. The line at 0.05 dB/m is the pre-alarm: somebody goes there. A slow climb "
            "over weeks is dust: clean the detector.",
            [target(of_point("max", "smoke.obscuration", '"smoke"', HOME), alias="$tag_device")],
            unit=point_unit("smoke.obscuration"),
            width=8,
            limit=thresholds((None, "green"), (0.05, "orange")),
        ),
    ]


def _devices() -> list[Json]:
    return [
        heading("设备与链路 / Devices and links"),
        timeline(
            "视频在线 / Video on line",
            "The worst state of each step; a gap means that nothing was reported. Red for more than three minutes "
            "(GB/T 28181: three heartbeats missed): check the camera's power and its switch.",
            of_point("min", "video.available", '"video"', HOME, fill="null"),
            "$tag_device",
            words(v1=("在线", "green"), v0=("离线", "red")),
        ),
        bars(
            "电池 / Battery",
            "Last value of each battery within 30 days. Below 20 %: change it this week; the detector is blind when "
            "it is empty.",
            [
                target(
                    f'SELECT last("battery") FROM {ANY_KIND} WHERE {HOME} AND time > now() - 30d GROUP BY "device"',
                    alias="$tag_device",
                )
            ],
            defaults={
                "unit": point_unit("battery"),
                "min": 0,
                "max": 100,
                "thresholds": thresholds((None, "red"), (20, "yellow"), (40, "green")),
            },
        ),
        table(
            "最近上报 / Last heard",
            "When each device spoke last, the longest silent first. A device that is missing here said nothing for "
            "30 days.",
            f'SELECT last("heard") FROM {ANY_KIND} WHERE {HOME} AND "device" != \'\' AND time > now() - 30d '
            'GROUP BY "device", "zone"',
            sort="Time",
            newest_first=False,
            overrides=[
                override("Time", displayName="最近上报 / heard", unit="dateTimeFromNow"),
                override("last", custom__hidden=True),
            ],
        ),
        table(
            "网关链路 / Links of the gateway",
            "The last word on each link (broker, journal, store, channels). Down: the words say what to mend.",
            f'SELECT last("up") AS "up", "detail" FROM "gateway" WHERE {HOME_ONLY} AND "link" != \'\' '
            'AND time > now() - 90d GROUP BY "link"',
            sort="up",
            newest_first=False,
            overrides=[
                override("up", displayName="状态", mappings=words(vtrue=("正常", "green"), vfalse=("断开", "red")))
            ],
        ),
    ]


def _deliveries() -> list[Json]:
    return [
        table(
            "通知送达 / Deliveries",
            "How long the channels took to accept a message, in seconds, in the time range. Refused: check the "
            "channel's address and quota; a person may not have been told.",
            'SELECT count("message") AS "messages", percentile("after", 90) AS "p90", max("after") AS "longest" '
            f'FROM "delivery" WHERE {HOME_ONLY} AND "outcome" != \'asked\' AND $timeFilter '
            'GROUP BY "channel", "outcome"',
            sort="longest",
            newest_first=True,
            overrides=[override("p90", unit="s"), override("longest", unit="s")],
        ),
        series(
            "通知用时 / Delivery times",
            "From the decision to the channel's acceptance, the longest of each step. Over 10 s: people hear late.",
            [
                target(
                    over_time('max("after")', '"delivery"', f"{HOME_ONLY} AND \"outcome\" = 'accepted'", '"channel"'),
                    alias="$tag_channel",
                )
            ],
            unit="s",
            limit=thresholds((None, "green"), (10, "red")),
        ),
        series(
            "报警次数 / Alarms a day",
            "Alarms raised, by category and day.",
            [
                target(
                    f'SELECT count("id") FROM "alarm" WHERE {HOME} AND "change" = \'raised\' AND $timeFilter '
                    f'GROUP BY time(1d), "category" fill(none) {TIMEZONE}',
                    alias="$tag_category",
                )
            ],
            unit="short",
            style="bars",
            overrides=[override(name, displayName=zh) for name, (zh, _) in CATEGORIES.items()],
        ),
    ]


def build() -> Json:
    """The dashboard of one home."""
    fires = {
        "name": "火警 / fire alarms",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "target": target(
            f'SELECT "title" FROM "alarm" WHERE {HOME} AND "category" = \'fire\' AND "change" = \'raised\' '
            "AND $timeFilter",
            table=True,
            ref="Anno",
        ),
        "textColumn": "title",
    }
    return dashboard(
        "anlian-home",
        "安联网 · 机构 / One home",
        "One home: open alarms, electrical circuits, rooms, devices, links and deliveries.",
        [*_alarms(), *_electrical(), *_rooms(), *_devices(), *_deliveries()],
        [
            variable("home", "机构 / home", 'SHOW TAG VALUES FROM "gateway" WITH KEY = "home"', several=False),
            variable(
                "zone",
                "分区 / zone",
                f'SHOW TAG VALUES WITH KEY = "zone" WHERE {HOME_ONLY}',
                several=True,
            ),
        ],
        annotations={"list": [fires]},
        links=[
            {
                "type": "link",
                "title": "全县总览 / county",
                "url": "/d/anlian-county",
                "icon": "dashboard",
                "tooltip": "",
                "tags": [],
                "asDropdown": False,
                "includeVars": False,
                "keepTime": True,
                "targetBlank": False,
            }
        ],
    )
