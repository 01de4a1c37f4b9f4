"""The dashboard of the county: which homes need help now, which are dark, and how well they answer."""

from __future__ import annotations

from dashboards.panels import (
    CATEGORIES,
    Json,
    bars,
    dashboard,
    heading,
    note,
    override,
    series,
    stat,
    table,
    target,
    thresholds,
    timeline,
    variable,
    words,
)
from dashboards.queries import COUNTY, DANGER, TIMEZONE, heard_within, open_alarms, over_time

DARK_AFTER = "2m"
"""A home without a reading for so long counts as dark here (a design number: wired devices report within 100 s)."""

_HOW_TO_READ = """\
**左上表有机构：** 打电话给该机构值班人员，并按控制台的升级步骤走。 **“已知”与“在线”不相等：** 有机构失联，\
看右表最上面一行，先打电话问是否停电断网。失联的机构里发生什么，本页看不到。\
 **A home in the first table:** call it and follow the console's steps. **Known and heard differ:** a home is dark; \
the top line of *最近上报* says which. What happens in a dark home can't be seen here."""

_TO_HOME = [
    {
        "title": "打开机构 / open the home",
        "url": "/d/anlian-home?var-home=${__data.fields.home}",
        "targetBlank": False,
    }
]


_DANGER = f"{COUNTY} AND {DANGER}"
_BY = '"town", "home", "category"'


def _open_dangers() -> Json:
    return stat(
        "未结束：火警、燃气、人员 / Open fire, gas and person alarms",
        "Alarms of danger to people that are active or latched, in all chosen homes. Above 0: see the table below.",
        [target(open_alarms(_DANGER, '"category"'), alias="$tag_category")],
        width=12,
        defaults={"noValue": "没有记录 / none on record", "thresholds": thresholds((None, "green"), (1, "red"))},
        overrides=[override(name, displayName=zh) for name, (zh, _) in CATEGORIES.items()],
    )


def _homes_heard() -> Json:
    return stat(
        f"机构：已知 / {DARK_AFTER} 内在线 — Homes known and heard",
        f"Known: spoke within 30 days. Heard: spoke within {DARK_AFTER}. The difference is dark. No second number: "
        "every home is dark, or this gateway is.",
        [
            target(heard_within(COUNTY, "30d"), alias="known", ref="A"),
            target(heard_within(COUNTY, DARK_AFTER), alias="heard", ref="B"),
        ],
        width=12,
        defaults={"noValue": "全部失联 / all dark", "thresholds": thresholds((None, "blue"))},
        overrides=[
            override("known", displayName="已知 / known"),
            override("heard", displayName="在线 / heard", thresholds=thresholds((None, "red"), (1, "green"))),
        ],
    )


def _homes_in_danger() -> Json:
    return table(
        "有火警、燃气或人员报警的机构 / Homes with open alarms of danger",
        "Homes with alarms of danger to people that are active or latched. Call the home; click the row to see it.",
        f'SELECT "open" FROM ({open_alarms(_DANGER, _BY)}) WHERE "open" > 0 GROUP BY {_BY}',
        sort="open",
        newest_first=True,
        overrides=[
            override("home", displayName="机构", links=_TO_HOME),
            override("Time", custom__hidden=True),
            override(
                "category",
                displayName="类别",
                mappings=words(**{f"v{name}": pair for name, pair in CATEGORIES.items()}),
            ),
        ],
    )


def _last_heard() -> Json:
    return table(
        "最近上报 / Last heard",
        "When each home spoke last, the longest silent first. Older than two minutes: the home is dark, call it.",
        f'SELECT last("heard") FROM "gateway" WHERE {COUNTY} AND time > now() - 30d GROUP BY "town", "home"',
        sort="Time",
        newest_first=False,
        overrides=[
            override("Time", displayName="最近上报 / heard", unit="dateTimeFromNow"),
            override("home", displayName="机构", links=_TO_HOME),
            override("last", custom__hidden=True),
        ],
    )


def _on_line() -> Json:
    return timeline(
        "机构在线 / Homes on line",
        "Whether a home spoke in each step (at least a minute, the newest 30 s left out). Red is dark. A home "
        "that was silent for the whole range is not drawn: see 最近上报.",
        f'SELECT count("heard") FROM "gateway" WHERE {COUNTY} AND $timeFilter AND time < now() - 30s '
        'GROUP BY time($__interval), "home" fill(0)',
        "$tag_home",
        [
            {"type": "value", "options": {"0": {"text": "失联", "color": "red", "index": 0}}},
            {
                "type": "range",
                "options": {"from": 1, "to": None, "result": {"text": "在线", "color": "green", "index": 1}},
            },
        ],
        width=24,
    )


def _now() -> list[Json]:
    return [note(_HOW_TO_READ), _open_dangers(), _homes_heard(), _homes_in_danger(), _last_heard(), _on_line()]


def _alarms_a_day() -> Json:
    return series(
        "每日报警 / Alarms a day, by home",
        "Alarms raised a day (Asia/Shanghai). One home far above the others: look for a detector that cries wolf.",
        [
            target(
                f'SELECT count("id") FROM "alarm" WHERE {COUNTY} AND "change" = \'raised\' AND $timeFilter '
                f'GROUP BY time(1d), "home" fill(none) {TIMEZONE}',
                alias="$tag_home",
            )
        ],
        unit="short",
        style="bars",
    )


def _time_to_acknowledge() -> Json:
    return table(
        "响应时间 / Time to acknowledge",
        "From raised to acknowledged, alarms of danger to people, in the time range. A 90th percentile above 60 s "
        "(when the guidance team is called in): speak with the home about its duty roster.",
        'SELECT count("acknowledged_after") AS "alarms", mean("acknowledged_after") AS "mean", '
        'percentile("acknowledged_after", 90) AS "p90", max("acknowledged_after") AS "longest" FROM "alarm" '
        f'WHERE {COUNTY} AND {DANGER} AND "change" = \'acknowledged\' AND $timeFilter GROUP BY "town", "home"',
        sort="p90",
        newest_first=True,
        overrides=[override(name, unit="s") for name in ("mean", "p90", "longest")],
    )


def _video_available() -> Json:
    return bars(
        "视频可用率 / Video availability",
        "Share of the reports of each home's cameras that said on line, in the time range. A camera that says "
        "nothing is not in it: see the home's own page.",
        [
            target(
                f'SELECT mean("video.available") FROM "video" WHERE {COUNTY} AND $timeFilter GROUP BY "home"',
                alias="$tag_home",
            )
        ],
        defaults={
            "unit": "percentunit",
            "min": 0,
            "max": 1,
            "thresholds": thresholds((None, "red"), (0.9, "yellow"), (0.99, "green")),
        },
    )


def _alarms_by_category() -> Json:
    return series(
        "报警类别 / Alarms by category",
        "Alarms raised, all chosen homes.",
        [
            target(
                over_time('count("id")', '"alarm"', f"{COUNTY} AND \"change\" = 'raised'", '"category"'),
                alias="$tag_category",
            )
        ],
        unit="short",
        style="bars",
        interval="1h",
        overrides=[override(name, displayName=zh) for name, (zh, _) in CATEGORIES.items()],
    )


def _links_down() -> Json:
    return table(
        "断开的链路 / Links that are down",
        "Links of the homes' gateways whose last word was down, with what to mend.",
        'SELECT "down", "detail" FROM (SELECT last("down_count") AS "down", "detail" FROM "gateway" '
        f'WHERE {COUNTY} AND "link" != \'\' AND time > now() - 90d GROUP BY "home", "link") '
        'WHERE "down" > 0 GROUP BY "home", "link"',
        sort="home",
        newest_first=False,
        overrides=[override("home", links=_TO_HOME), override("down", custom__hidden=True)],
    )


def _outcomes() -> Json:
    return table(
        "通知结果 / Outcome of messages",
        "What became of the messages, by home and channel, in the time range. Refused: somebody may not "
        "have been told.",
        f'SELECT count("message") AS "messages", percentile("after", 90) AS "p90" FROM "delivery" '
        f'WHERE {COUNTY} AND "outcome" != \'asked\' AND $timeFilter GROUP BY "home", "channel", "outcome"',
        sort="messages",
        newest_first=True,
        overrides=[override("p90", unit="s")],
    )


def _alarm_load() -> Json:
    return series(
        "报警负荷 / Alarms in ten minutes",
        "Alarms in ten minutes, the mean of the 24 h before each hour. Acceptable is 1, more than 2 cannot be handled "
        "(EEMUA 191, ISA-18.2): look at the sources in the table beside it.",
        [target(over_time('last("average")', '"quality"', COUNTY, '"home"'), alias="$tag_home")],
        unit="short",
        interval="1h",
        limit=thresholds((None, "green"), (1, "yellow"), (2, "red")),
    )


def _alarm_quality() -> Json:
    figures = {
        "alarms": "报警 / alarms",
        "peak": "10分钟最多 / peak",
        "floods": "报警潮 / floods",
        "chattering": "抖动 / chattering",
        "fleeting": "瞬时 / fleeting",
        "stale": "滞留 / stale",
        "false": "误报 / false",
        "real": "真警 / real",
        "verify_p90_s": "复核90% / verified",
    }
    fields = ", ".join(f'last("{name}") AS "{name}"' for name in figures)
    return table(
        "报警质量 / Alarm quality",
        "The newest 24 h of each home, counted each full hour (ISA-18.2). False alarms or chattering high: the page "
        "of alarm quality in the console names the detectors.",
        f'SELECT {fields} FROM "quality" WHERE {COUNTY} AND time > now() - 2d GROUP BY "home"',
        sort="false",
        newest_first=True,
        overrides=[
            override("home", displayName="机构", links=_TO_HOME),
            override("Time", custom__hidden=True),
            *(
                override(name, displayName=title, **({"unit": "s"} if name.endswith("_s") else {}))
                for name, title in figures.items()
            ),
        ],
    )


def _quality() -> list[Json]:
    return [
        heading("响应与可用 / Answers and availability"),
        _alarms_a_day(),
        _time_to_acknowledge(),
        _video_available(),
        _alarms_by_category(),
        _links_down(),
        _outcomes(),
        _alarm_load(),
        _alarm_quality(),
    ]


def build() -> Json:
    """The dashboard of the county."""
    homes = '"county" =~ /^${county:regex}$/ AND "town" =~ /^${town:regex}$/'
    return dashboard(
        "anlian-county",
        "安联网 · 全县总览 / County",
        "All homes: open alarms of danger, dark homes, alarms, answers, video.",
        [*_now(), *_quality()],
        [
            variable("county", "县 / county", 'SHOW TAG VALUES FROM "gateway" WITH KEY = "county"', several=True),
            variable(
                "town",
                "乡镇 / town",
                'SHOW TAG VALUES FROM "gateway" WITH KEY = "town" WHERE "county" =~ /^${county:regex}$/',
                several=True,
            ),
            variable(
                "home",
                "机构 / home",
                f'SHOW TAG VALUES FROM "gateway" WITH KEY = "home" WHERE {homes}',
                several=True,
            ),
        ],
        time={"from": "now-7d", "to": "now"},
    )
