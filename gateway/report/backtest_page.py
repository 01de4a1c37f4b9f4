"""The backtest as one HTML page: the sentence, a timeline of both sides, and what differs, whole in itself.

On a phone the picture and the table keep letters that can be read and scroll sideways in their own frames; on a wide
screen they take what there is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final

from gateway.report.backtest import BY_GUARDS, Backtest, sentence
from gateway.report.difference import Difference, Episode
from gateway.report.names import SiteNames
from rules.site import Site

LANES_MAX: Final = 60
"""Devices that the timeline shows: those with differences first."""

MARKS_MAX: Final = 4000
_LEFT, _WIDTH, _LANE, _TOP = 250, 1150, 30, 34
_TICKS: Final = 8
_NAME_MAX: Final = 32
"""How wide a device's name may be in the timeline, in half-width letters; the whole name stands in its tooltip."""

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("规则回放对比", "Backtest"),
    "recorded": ("当时的报警", "as recorded"),
    "candidate": ("新规则的报警", "with the new rules"),
    "missed": ("真实警情，新规则漏报", "confirmed, missed by the new rules"),
    "avoided": ("误报，新规则不再报", "false, avoided by the new rules"),
    "dropped": ("未复核，新规则不再报", "without a verdict, not raised any more"),
    "more": ("新规则多报", "raised by the new rules alone"),
    "same": ("两边都报", "raised by both"),
    "time": ("时间（当地）", "Time (local)"),
    "device": ("设备", "Device"),
    "rule": ("规则", "Rule"),
    "zone": ("区域", "Zone"),
    "what": ("差别", "Difference"),
    "none": ("没有差别", "no difference"),
    "entries": ("条记录", "entries"),
    "lanes": ("另有 {n} 台设备未画出", "{n} more devices are not drawn"),
    "faults": ("问题", "Faults"),
}

_STYLE: Final = """
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:0 auto;padding:clamp(10px,2vw,32px);max-width:1880px;
color:#1b2430;background:#fff;overflow-wrap:anywhere}
h1{font-size:26px;margin:0}h2{margin:28px 0 4px;font-size:20px}.sum{font-size:20px;margin:6px 0 14px}
.sum b{font-weight:600}.muted{color:#5a6675}
.wide{overflow-x:auto;border:1px solid #d8dee6;border-radius:6px}
.wide>svg{display:block;width:100%;min-width:1400px;height:auto}
svg text{font-size:13px;fill:#1b2430}svg .tick{fill:#5a6675}.grid{stroke:#e6eaf0}.lane{fill:#f6f8fa}
.missed{fill:#c81e1e;stroke:#c81e1e}.avoided{fill:#1a7f37;stroke:#1a7f37}.dropped{fill:#8250df;stroke:#8250df}
.more{fill:#d97706;stroke:#d97706}.side{fill:none;stroke:#1b2430;stroke-width:1.5}.same{fill:#57606a;stroke:#57606a}
.pair{stroke:#9aa4b0;fill:none}
ul.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0}
ul.key svg{width:14px;height:14px;vertical-align:-2px;margin-right:6px}
table{border-collapse:collapse;width:100%}.wide+.wide{margin-top:12px}
th,td{text-align:left;padding:4px 10px;border-bottom:1px solid #e6eaf0;font-variant-numeric:tabular-nums;
min-width:6em;vertical-align:top}td.at{white-space:nowrap}td small{color:#5a6675;display:block}
"""


def page(found: Sequence[Backtest], sites: Mapping[str, Site], language: str = "zh") -> str:
    """The page of these homes' backtests: names of their site files, times in their own zones."""
    words = {name: text[language == "en"] for name, text in WORDS.items()}
    parts = [_Home(one, sites[one.home], words, language).text() for one in found]
    return (
        f'<!doctype html><html lang="{"en" if language == "en" else "zh-CN"}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words['title']}</title><style>{_STYLE}</style><h1>{words['title']}</h1>{''.join(parts)}</html>\n"
    )


class _Home:
    """The part of the page that is about one home."""

    def __init__(self, found: Backtest, site: Site, words: dict[str, str], language: str) -> None:
        self._found = found
        self._name = site.name.in_language(language)
        self._call = SiteNames(site, language)
        self._words = words
        self._language = language

    def text(self) -> str:
        found, words = self._found, self._words
        told = (" · " if self._language == "en" else "，").join(
            escape(part) for part in sentence(found.difference, self._language)
        )
        faults = "".join(f"<li>{escape(one)}</li>" for one in (*found.faults, *found.broken))
        faults = faults and f"<h3>{words['faults']}</h3><ul>{faults}</ul>"
        guarded = ", ".join(found.difference.by_guards())
        guards = guarded and f"<p>{escape(BY_GUARDS[self._language == 'en'].format(names=guarded))}</p>"
        span = self._call.span(found.begin, found.end)
        return (
            f'<h2>{escape(self._name)} <span class="muted">{escape(found.home)}</span></h2>'
            f'<div class="muted">{escape(span)} · {found.entries} {words["entries"]}</div>'
            f'<p class="sum"><b>{told}</b></p>{guards}{_key(words)}{self._timeline()}{self._table()}{faults}'
        )

    def _timeline(self) -> str:
        difference, words = self._found.difference, self._words
        subjects = dict.fromkeys(one.subject for _, one in _kinds(difference))
        subjects |= dict.fromkeys(pair.recorded.subject for pair in difference.pairs)
        shown = {subject: place for place, subject in enumerate(list(subjects)[:LANES_MAX])}
        height = _TOP + _LANE * len(shown) + 8
        parts = [*self._ticks(height), *self._lanes(shown)]
        for pair in list(difference.pairs)[:MARKS_MAX]:
            if pair.recorded.subject in shown:
                y = _TOP + shown[pair.recorded.subject] * _LANE
                x, other = self._across(pair.recorded.raised_at), self._across(pair.candidate.raised_at)
                parts.append(f'<path class="pair" d="M{x:.1f} {y + 8}L{other:.1f} {y + 22}"/>')
                parts.append(_mark(False, x, y + 8, "same", self._told(pair.recorded)))
                parts.append(_mark(True, other, y + 22, "same", self._told(pair.candidate)))
        for kind, one in list(_kinds(difference))[:MARKS_MAX]:
            if one.subject in shown:
                more = kind == "more"
                y = _TOP + shown[one.subject] * _LANE + (22 if more else 8)
                parts.append(_mark(more, self._across(one.raised_at), y, kind, self._told(one)))
        rest = len(subjects) - len(shown)
        more_lanes = f'<p class="muted">{words["lanes"].format(n=rest)}</p>' if rest else ""
        size = f"0 0 {_LEFT + _WIDTH} {height}"
        picture = f'<svg viewBox="{size}" role="img" aria-label="{words["title"]}">{"".join(parts)}</svg>'
        return f'<div class="wide" tabindex="0">{picture}</div>{more_lanes}'

    def _across(self, at: datetime) -> float:
        seconds = max((self._found.end - self._found.begin).total_seconds(), 1.0)
        share = (at - self._found.begin).total_seconds() / seconds
        return _LEFT + 12 + min(max(share, 0.0), 1.0) * (_WIDTH - 24)

    def _ticks(self, height: int) -> Iterator[str]:
        found = self._found
        step = (found.end - found.begin) / _TICKS
        form = "%m-%d %H:%M" if found.end - found.begin > timedelta(days=1) else "%H:%M"
        for number in range(_TICKS + 1):
            at = found.begin + number * step
            x = self._across(at)
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height}"/>'
            anchor = "start" if number == 0 else "end" if number == _TICKS else "middle"
            local = self._call.local(at)
            yield f'<text class="tick" x="{x:.1f}" y="16" text-anchor="{anchor}">{local:{form}}</text>'

    def _lanes(self, shown: dict[str, int]) -> Iterator[str]:
        for subject, place in shown.items():
            y = _TOP + place * _LANE
            if place % 2 == 0:
                yield f'<rect class="lane" x="0" y="{y}" width="{_LEFT + _WIDTH}" height="{_LANE}"/>'
            name = self._call.subject(subject)
            yield f'<text x="8" y="{y + 20}"><title>{escape(name)}</title>{escape(cut(name, _NAME_MAX))}</text>'

    def _told(self, one: Episode) -> str:
        at = f"{self._call.local(one.raised_at):%m-%d %H:%M:%S}"
        return f"{at} {one.rule_in(self._language)} ({one.rule}) {self._call.subject(one.subject)} {one.id}"

    def _table(self) -> str:
        words = self._words
        rows = list(self._rows(_kinds(self._found.difference)))
        if not rows:
            return f'<p class="muted">{words["none"]}</p>'
        head = "".join(f"<th>{words[name]}</th>" for name in ("what", "time", "device", "rule", "zone"))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:MARKS_MAX])}</tbody></table>"
        return f'<div class="wide" tabindex="0">{table}</div>'

    def _rows(self, kinds: Iterable[tuple[str, Episode]]) -> Iterator[str]:
        for kind, one in kinds:
            at = f"{self._call.local(one.raised_at):%m-%d %H:%M:%S}"
            rule = f"{escape(one.rule_in(self._language))}<small>{escape(one.rule)}</small>"
            yield (
                f'<tr><td>{escape(self._words[kind])}</td><td class="at">{at}</td>'
                f"<td>{escape(self._call.subject(one.subject))}<small>{escape(one.subject)}</small></td>"
                f"<td>{rule}</td><td>{escape(self._call.zone(one.zone))}</td></tr>"
            )


def cut(name: str, most: int) -> str:
    """A name that is no wider than so many half-width letters; a Chinese one is as wide as two."""
    width = 0
    for place, letter in enumerate(name):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > most:
            return name[: place - 1] + "…"
    return name


def _key(words: dict[str, str]) -> str:
    names = ("missed", "avoided", "dropped", "more", "same")
    sides = ((False, "recorded"), (True, "candidate"))
    items = [
        f'<li><svg viewBox="0 0 14 14">{_mark(side, 7, 7, "side")}</svg>{words[name]}</li>' for side, name in sides
    ]
    items += [
        f'<li><svg viewBox="0 0 14 14">{_mark(name == "more", 7, 7, name)}</svg>{words[name]}</li>' for name in names
    ]
    return f'<ul class="key">{"".join(items)}</ul>'


def _mark(candidate: bool, x: float, y: float, kind: str, title: str = "") -> str:
    """A disc for the recording, a triangle for the candidate: told apart without their colours too."""
    told = f"<title>{escape(title)}</title>" if title else ""
    if candidate:
        return f'<path class="{kind}" d="M{x:.1f} {y - 6:.1f}l6 11h-12z">{told}</path>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5.5">{told}</circle>'


def _kinds(difference: Difference) -> Iterator[tuple[str, Episode]]:
    """What differs, the worst first."""
    yield from (("missed", one) for one in difference.confirmed.not_raised)
    yield from (("more", one) for one in difference.more)
    yield from (("dropped", one) for one in difference.unjudged.not_raised)
    yield from (("avoided", one) for one in difference.false.not_raised)
