"""The words of a roster for people, in both languages: certificates, spans of local time, gaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rules.parse_people import CERTIFICATES_ZH, LEVELS_ZH
from rules.people import Certificate, CertificateLevel, CertificateType
from rules.roster import LocalTime
from rules.roster_gaps import Gap, GapKind
from rules.site import Site
from rules.text import Text

CERTIFICATE_NAMES: Final[dict[CertificateType, Text]] = {
    kind: Text(zh, kind.value.replace("_", " ")) for zh, kind in CERTIFICATES_ZH.items()
}
LEVEL_NAMES: Final[dict[CertificateLevel, Text]] = {
    level: Text(zh, level.value.replace("_", " ")) for zh, level in LEVELS_ZH.items()
}


def certificate_words(certificate: Certificate) -> Text:
    """A certificate with its level: `消防设施操作员（中级）`."""
    name = CERTIFICATE_NAMES[certificate.type]
    if not certificate.level.rank:
        return name
    level = LEVEL_NAMES[certificate.level]
    return Text(f"{name.zh}（{level.zh}）", f"{name.en} ({level.en})")


def local_words(local: datetime) -> str:
    """A local instant to the minute, without the year."""
    return local.strftime("%m-%d %H:%M")


def span_words(time: LocalTime, begins_at: datetime, ends_at: datetime) -> str:
    """A span of local time; its second day only where it is another."""
    begins, ends = time.local(begins_at), time.local(ends_at)
    if ends - begins <= timedelta(days=1) and ends.time() == datetime.min.time() and ends.date() > begins.date():
        return f"{local_words(begins)}–24:00"
    return f"{local_words(begins)}–{ends.strftime('%H:%M') if ends.date() == begins.date() else local_words(ends)}"


def person_name(site: Site, person: str) -> str:
    """The name of a person of the site, or the id where nobody has it."""
    return next((each.name for each in (*site.people, *site.contacts) if each.id == person), person)


def post_name(site: Site, post: str) -> Text:
    """The name of a post, or its id."""
    return next((each.name for each in site.posts if each.id == post), Text(post))


def gap_words(site: Site, gap: Gap) -> Text:
    """A gap as a sentence: when, which post, who, what is wrong."""
    what = _what(site, gap)
    if gap.begins_at is None or gap.ends_at is None:
        return what
    span = span_words(LocalTime(site.offsets), gap.begins_at, gap.ends_at)
    post = post_name(site, gap.post)
    return Text(f"{span} {post.zh}：{what.zh}", f"{span} {post.in_language('en')}: {what.en}")


def _what(site: Site, gap: Gap) -> Text:
    name = person_name(site, gap.person)
    held = CERTIFICATE_NAMES[gap.certificate] if gap.certificate is not None else Text("", "")
    match gap.kind:
        case GapKind.UNCOVERED:
            return Text("无人值班", "nobody is on duty")
        case GapKind.SHORT:
            return Text(
                f"只有{gap.present}人，应有{gap.needed}人", f"{gap.present} on duty, {gap.needed} are needed"
            )
        case GapKind.CONTROL_ROOM:
            return Text(
                f"消防控制室只有{gap.present}人，应不少于{gap.needed}人（GB 25201）",
                f"a control room with {gap.present} on duty, at least {gap.needed} are needed (GB 25201)",
            )
        case GapKind.TWO_POSTS:
            other = post_name(site, gap.other_post)
            return Text(f"{name}同时在{other.zh}值班", f"{name} is on duty at {other.in_language('en')} as well")
        case GapKind.UNCERTIFIED if gap.expires_on is None:
            return Text(f"{name}无所需证书：{held.zh}", f"{name} has no certificate of the kind needed: {held.en}")
        case GapKind.UNCERTIFIED:
            return Text(
                f"{name}的{held.zh}证书已于{gap.expires_on}到期",
                f"{name}'s certificate has expired on {gap.expires_on}: {held.en}",
            )
        case GapKind.UNREACHABLE if gap.post:
            return Text("值班人员均无可用的联系方式", "nobody on duty has a channel that may be used")
        case GapKind.UNREACHABLE:
            return Text(
                f"{name}没有可用的联系方式，永远收不到通知",
                f"{name} has no channel that may be used and can never be told",
            )
        case GapKind.EXPIRED:
            ended = f"{name}: {held.en} expired on {gap.expires_on}"
            return Text(f"{name}的{held.zh}证书已于{gap.expires_on}到期", ended)
        case GapKind.EXPIRING:
            ends = f"{name}: {held.en} expires on {gap.expires_on}"
            return Text(f"{name}的{held.zh}证书将于{gap.expires_on}到期", ends)
        case GapKind.HOLIDAYS:
            return Text(
                f"{gap.year}年的节假日安排尚未录入：按周一至周五算工作日",
                f"the holidays of {gap.year} are not known yet: Monday to Friday count as workdays",
            )
