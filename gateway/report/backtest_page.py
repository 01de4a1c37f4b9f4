"""The backtest as one HTML page: the sentence, a timeline of both sides, and what differs, whole in itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final

from gateway.report.backtest import Backtest, sentence
from gateway.report.difference import Difference, Episode

LANES_MAX: Final = 60
"""Devices that the timeline shows: those with differences first."""

MARKS_MAX: Final = 4000
_LEFT, _WIDTH, _LANE, _TOP = 190, 900, 30, 34
_TICKS: Final = 8

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
body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:24px;max-width:1160px;color:#1b2430;background:#fff}
h1{font-size:26px;margin:0}h2{margin:28px 0 4px;font-size:20px}.sum{font-size:20px;margin:6px 0 14px}
.sum b{font-weight:600}.muted{color:#5a6675}svg{width:100%;height:auto;border:1px solid #d8dee6;border-radius:6px}
svg text{font-size:13px;fill:#1b2430}.tick{fill:#5a6675}.grid{stroke:#e6eaf0}.lane{fill:#f6f8fa}
.missed{fill:#c81e1e;stroke:#c81e1e}.avoided{fill:#1a7f37;stroke:#1a7f37}.dropped{fill:#8250df;stroke:#8250df}
.more{fill:#d97706;stroke:#d97706}.side{fill:none;stroke:#1b2430;stroke-width:1.5}.same{fill:#57606a;stroke:#57606a}.pair{stroke:#9aa4b0;fill:none}
ul.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0}
ul.key svg{width:14px;height:14px;border:0;vertical-align:-2px;margin-right:6px}
table{border-collapse:collapse;width:100%;margin-top:12px}
th,td{text-align:left;padding:4px 10px;border-bottom:1px solid #e6eaf0;font-variant-numeric:tabular-nums}
"""


def page(found: Sequence[Backtest], language: str = "zh", offset: timedelta = timedelta(hours=8)) -> str:
    """The page of these homes' backtests; times in the homes' local time."""
    words = {name: text[language == "en"] for name, text in WORDS.items()}
    parts = [_home(one, words, language, offset) for one in found]
    return (
        f'<!doctype html><html lang="{"en" if language == "en" else "zh-CN"}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{words["title"]}</title><style>{_STYLE}</style>'
        f"<h1>{words['title']}</h1>{''.join(parts)}</html>\n"
    )


def _home(found: Backtest, words: dict[str, str], language: str, offset: timedelta) -> str:
    difference = found.difference
    told = (" · " if language == "en" else "，").join(escape(part) for part in sentence(difference, language))
    span = f"{found.begin + offset:%Y-%m-%d %H:%M} – {found.end + offset:%Y-%m-%d %H:%M}"
    faults = "".join(f"<li>{escape(one)}</li>" for one in (*found.faults, *found.broken))
    faults = faults and f"<h3>{words['faults']}</h3><ul>{faults}</ul>"
    return (
        f'<h2>{escape(found.home)}</h2><div class="muted">{span} · {found.entries} {words["entries"]}</div>'
        f'<p class="sum"><b>{told}</b></p>{_key(words)}{_timeline(found, words, offset)}'
        f"{_table(difference, words, offset)}{faults}"
    )


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


def _timeline(found: Backtest, words: dict[str, str], offset: timedelta) -> str:
    difference = found.difference
    subjects = dict.fromkeys(one.subject for _, one in _kinds(difference))
    subjects |= dict.fromkeys(pair.recorded.subject for pair in difference.pairs)
    shown = {subject: place for place, subject in enumerate(list(subjects)[:LANES_MAX])}
    height = _TOP + _LANE * len(shown) + 8
    seconds = max((found.end - found.begin).total_seconds(), 1.0)

    def across(at: datetime) -> float:
        share = (at - found.begin).total_seconds() / seconds
        return _LEFT + 12 + min(max(share, 0.0), 1.0) * (_WIDTH - 24)

    parts = [*_ticks(found, offset, height, across), *_lanes(shown)]
    for pair in list(difference.pairs)[:MARKS_MAX]:
        if pair.recorded.subject in shown:
            y = _TOP + shown[pair.recorded.subject] * _LANE
            x, other = across(pair.recorded.raised_at), across(pair.candidate.raised_at)
            parts.append(f'<path class="pair" d="M{x:.1f} {y + 8}L{other:.1f} {y + 22}"/>')
            parts.append(_mark(False, x, y + 8, "same", _told(pair.recorded, offset)))
            parts.append(_mark(True, other, y + 22, "same", _told(pair.candidate, offset)))
    for kind, one in list(_kinds(difference))[:MARKS_MAX]:
        if one.subject in shown:
            more = kind == "more"
            y = _TOP + shown[one.subject] * _LANE + (22 if more else 8)
            parts.append(_mark(more, across(one.raised_at), y, kind, _told(one, offset)))
    rest = len(subjects) - len(shown)
    more_lanes = f'<p class="muted">{words["lanes"].format(n=rest)}</p>' if rest else ""
    size = f"0 0 {_LEFT + _WIDTH} {height}"
    return f'<svg viewBox="{size}" role="img" aria-label="{words["title"]}">{"".join(parts)}</svg>{more_lanes}'


def _ticks(found: Backtest, offset: timedelta, height: int, across: object) -> Iterator[str]:
    step = (found.end - found.begin) / _TICKS
    form = "%m-%d %H:%M" if found.end - found.begin > timedelta(days=1) else "%H:%M"
    for number in range(_TICKS + 1):
        at = found.begin + number * step
        x = across(at)  # type: ignore[operator]
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height}"/>'
        anchor = "start" if number == 0 else "end" if number == _TICKS else "middle"
        yield f'<text class="tick" x="{x:.1f}" y="16" text-anchor="{anchor}">{at + offset:{form}}</text>'


def _lanes(shown: dict[str, int]) -> Iterator[str]:
    for subject, place in shown.items():
        y = _TOP + place * _LANE
        if place % 2 == 0:
            yield f'<rect class="lane" x="0" y="{y}" width="{_LEFT + _WIDTH}" height="{_LANE}"/>'
        yield f'<text x="8" y="{y + 20}">{escape(subject[:24])}</text>'


def _told(episode: Episode, offset: timedelta) -> str:
    return f"{episode.raised_at + offset:%m-%d %H:%M:%S} {episode.rule} {episode.subject} {episode.id}"


def _table(difference: Difference, words: dict[str, str], offset: timedelta) -> str:
    rows = list(_rows(_kinds(difference), words, offset))
    if not rows:
        return f'<p class="muted">{words["none"]}</p>'
    head = "".join(f"<th>{words[name]}</th>" for name in ("what", "time", "device", "rule", "zone"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:MARKS_MAX])}</tbody></table>"


def _rows(kinds: Iterable[tuple[str, Episode]], words: dict[str, str], offset: timedelta) -> Iterator[str]:
    for kind, one in kinds:
        cells = (words[kind], f"{one.raised_at + offset:%m-%d %H:%M:%S}", one.subject, one.rule, one.zone)
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
