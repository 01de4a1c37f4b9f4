"""The four verbs, the pages, and the phone page, over real engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.console.parts import Health, LinkState, Unregistered
from rules.inputs import DecodeFailed, LinkChanged, OperatorActed, Verb
from tests.console_world import LIMIT, START, UP, Answer, Browser, World, a_site, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = a_world(tmp_path, answer_within_s=0.5)
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


@pytest.fixture
async def operator(world: World) -> Browser:
    browser = Browser(world.build())
    assert (await browser.log_in()).status == 303
    await browser.get("/?lang=en")
    return browser


def fire(world: World, device: str = "smoke-1") -> str:
    world.home.say(device, smoke__alarm=True)
    return f"/home/jinlan/incident/{world.home.incident}"


async def do(browser: Browser, path: str, verb: str, **form: str) -> Answer:
    return await browser.post(f"{path}/{verb}", {"csrf": await browser.csrf("/history"), **form})


# the four verbs


async def test_the_page_of_a_fire_says_what_where_and_who(world: World, operator: Browser) -> None:
    page = (await operator.get(fire(world))).text
    for words in ("Smoke detector in alarm", "East wing", "201 · Smoke 1", "Not acknowledged", "nobody yet"):
        assert words in page
    assert "go and look at once" in page
    for verb in Verb:
        assert f'action="/home/jinlan/incident/{world.home.incident}/{verb}"' in page


async def test_acknowledge(world: World, operator: Browser) -> None:
    path = fire(world)
    answer = await do(operator, path, "acknowledge")
    assert (answer.status, answer.header("location")) == (303, f"{path}?done=acknowledge")
    (acted,) = world.home.acted()
    assert (acted.person, acted.verb, acted.target, acted.via) == (
        "p-wang",
        Verb.ACKNOWLEDGE,
        world.home.incident,
        "console",
    )
    page = (await operator.get(answer.header("location"))).text
    assert "Acknowledged. It is yours." in page
    assert "王护工 · 08:15:30" in page


async def test_an_account_without_a_person_acts_as_itself(world: World, tmp_path: Path) -> None:
    path = world.parts.accounts
    assert path is not None
    path.write_text(path.read_text(encoding="utf-8").replace('person = "p-wang"\n', ""), encoding="utf-8")
    browser = Browser(world.build())
    await browser.log_in()
    await do(browser, fire(world), "acknowledge")
    assert [acted.person for acted in world.home.acted()] == ["account:wang"]


async def test_a_second_acknowledgement_is_refused_with_its_reason(world: World, operator: Browser) -> None:
    path = fire(world)
    await do(operator, path, "acknowledge")
    answer = await do(operator, path, "acknowledge")
    assert answer.status == 409
    assert "王护工 has taken it on already" in answer.text


async def test_silence_leaves_the_alarm(world: World, operator: Browser) -> None:
    path = fire(world)
    assert (await do(operator, path, "silence")).status == 303
    page = (await operator.get(path)).text
    assert "Silenced" in page
    assert "Not acknowledged" in page


@pytest.mark.parametrize("cause", ["", "   "])
async def test_a_false_alarm_needs_its_cause(world: World, operator: Browser, cause: str) -> None:
    answer = await do(operator, fire(world), "verdict", finding="false_alarm", cause=cause)
    assert answer.status == 409
    assert "A false alarm needs its cause." in answer.text
    assert world.home.acted() == []


@pytest.mark.parametrize("finding", ["", "perhaps", "real"])
async def test_a_verdict_is_an_outcome(world: World, operator: Browser, finding: str) -> None:
    answer = await do(operator, fire(world), "verdict", finding=finding, cause="steam")
    assert answer.status == 409
    assert world.home.acted() == []


@pytest.mark.parametrize(
    "finding, cause, words",
    [
        ("real_fire", "", "Real fire · 王护工"),
        ("false_alarm", "steam", "False alarm · steam"),
        ("test", "", "Test"),
        ("equipment_fault", "", "Equipment fault"),
    ],
)
async def test_a_verdict_is_on_record(world: World, operator: Browser, finding: str, cause: str, words: str) -> None:
    path = fire(world)
    assert (await do(operator, path, "verdict", finding=finding, cause=cause)).status == 303
    assert words in (await operator.get(path)).text
    assert [acted.finding for acted in world.home.acted()] == [finding]


async def test_who_was_taken_to_hospital_has_a_time(world: World, operator: Browser) -> None:
    world.home.say("sos-1", sos__alarm=True)
    path = f"/home/jinlan/incident/{world.home.incident}"
    refused = await do(operator, path, "verdict", finding="to_hospital")
    assert refused.status == 409 and "write down when 120 was called" in refused.text
    wrong = await do(operator, path, "verdict", finding="to_hospital", **{"time.left": "25:99"})
    assert wrong.status == 409 and "Write a time like" in wrong.text
    times = {"time.called_120": "07:58", "time.left": "23:59"}
    assert (await do(operator, path, "verdict", finding="to_hospital", **times)).status == 303
    page = (await operator.get(path)).text
    assert "Taken to hospital" in page and "120 called 07:58:00" in page and "23:59:00" in page
    given = world.home.acted()[-1].times
    assert given["called_120"] > given["left"], "what is later than now was yesterday"


@pytest.mark.parametrize(
    ("device", "said", "offered", "not_offered"),
    [
        ("smoke-1", {"smoke__alarm": True}, ("real_fire", "to_hospital", "false_alarm"), ("real_gas", "drill")),
        ("sos-1", {"sos__alarm": True}, ("cared_for", "to_hospital", "test"), ("real_fire",)),
    ],
)
async def test_the_outcomes_fit_the_alarm(
    world: World,
    operator: Browser,
    device: str,
    said: dict[str, bool],
    offered: tuple[str, ...],
    not_offered: tuple[str, ...],
) -> None:
    world.home.say(device, **said)
    page = (await operator.get(f"/home/jinlan/incident/{world.home.incident}")).text
    assert all(f'name="finding" value="{each}"' in page for each in offered)
    assert not any(f'value="{each}"' in page for each in not_offered)


async def test_the_stage_of_the_verification_and_the_way_it_spread(world: World, operator: Browser) -> None:
    path = fire(world)
    page = (await operator.get(path)).text
    stage = page.partition('id="stage">')[2].partition("<")[0]
    assert "waiting for somebody to take it on" in stage and "until" in stage and "no reset before the verdict" in stage
    assert 'id="spread"' not in page
    await do(operator, path, "acknowledge")
    assert "the verdict is waited for" in (await operator.get(path)).text
    world.home.say("smoke-2", smoke__alarm=True)
    page = (await operator.get(path)).text
    spread = page.partition('id="spread"')[2].partition("</section>")[0]
    assert spread.index("Smoke 1") < spread.index("Smoke 2")
    await do(operator, path, "verdict", finding="real_fire")
    assert "no reset before the verdict" not in (await operator.get(path)).text


async def test_a_reset_while_the_detector_reports_is_refused_then_done(world: World, operator: Browser) -> None:
    path = fire(world)
    await do(operator, path, "acknowledge")
    refused = await do(operator, path, "reset")
    assert refused.status == 409
    assert "the detector still reports the alarm" in refused.text
    assert world.home.engine.incidents
    world.home.say("smoke-1", smoke__alarm=False)
    unjudged = await do(operator, path, "reset")
    assert unjudged.status == 409
    assert "nobody has said what it was" in unjudged.text
    await do(operator, path, "verdict", finding="false_alarm", cause="steam")
    done = await do(operator, path, "reset")
    assert (done.status, done.header("location")) == (303, f"{path}?done=reset")
    assert not world.home.engine.incidents


async def test_the_reason_of_a_refusal_is_said_in_chinese(world: World, operator: Browser) -> None:
    path = fire(world)
    await operator.get("/?lang=zh")
    answer = await do(operator, path, "reset")
    assert "此报警尚未确认：请先确认" in answer.text


async def test_a_reset_of_an_untrusted_clear_asks_for_a_look_on_site(world: World, operator: Browser) -> None:
    world.home.say("sos-1", sos__alarm=True)
    path = f"/home/jinlan/incident/{world.home.incident}"
    assert 'name="checked_on_site"' in (await operator.get(path)).text
    await do(operator, path, "acknowledge")
    assert (await do(operator, path, "reset")).status == 409
    assert (await do(operator, path, "reset", checked_on_site="yes")).status == 303
    assert [acted.checked_on_site for acted in world.home.acted()] == [False, False, True]


async def test_a_trusted_clear_asks_for_no_look(world: World, operator: Browser) -> None:
    assert 'name="checked_on_site"' not in (await operator.get(fire(world))).text


async def test_a_reset_done_in_part_says_so(world: World, operator: Browser) -> None:
    path = fire(world)
    world.home.say("smoke-2", smoke__alarm=True)
    await do(operator, path, "acknowledge")
    await do(operator, path, "verdict", finding="real_fire")
    world.home.say("smoke-1", smoke__alarm=False)
    answer = await do(operator, path, "reset")
    assert answer.status == 409
    assert "Part of it was done" in answer.text
    assert len(world.home.engine.alarms) == 1


async def test_an_alarm_of_an_incident_has_its_own_page(world: World, operator: Browser) -> None:
    fire(world)
    (alarm,) = world.home.engine.alarms
    path = f"/home/jinlan/alarm/{alarm}"
    assert "201 · Smoke 1" in (await operator.get(path)).text
    assert (await do(operator, path, "acknowledge")).status == 303
    assert world.home.acted()[0].target == alarm


async def test_an_incident_that_is_over_is_still_shown(world: World, operator: Browser) -> None:
    path = fire(world)
    (alarm,) = world.home.engine.alarms
    await do(operator, path, "acknowledge")
    world.home.say("smoke-1", smoke__alarm=False)
    await do(operator, path, "verdict", finding="real_fire")
    await do(operator, path, "reset")
    page = (await operator.get(path)).text
    assert "This incident is over" in page
    assert "reset by 王护工" in page
    assert "incident opened" in page
    assert "<form" not in page.split("</header>")[1]
    over = await operator.get(f"/home/jinlan/alarm/{alarm}")
    assert (over.status, "This incident is over" in over.text) == (200, True)
    late = await do(operator, path, "acknowledge")
    assert late.status == 409
    assert "unknown here, or over already" in late.text


@pytest.mark.parametrize("path", ["/home/jinlan/incident/none", "/home/jinlan/alarm/none", "/home/jinlan/thing/x"])
async def test_what_is_not_there_is_not_found(world: World, operator: Browser, path: str) -> None:
    assert (await operator.get(path)).status == 404


@pytest.mark.parametrize("verb", ["explode", "Reset", "shelve"])
async def test_there_is_no_fifth_verb(world: World, operator: Browser, verb: str) -> None:
    path = fire(world)
    assert (await do(operator, path, verb)).status in (404, 405)
    assert world.home.acted() == []


async def test_a_viewer_may_not_act(world: World) -> None:
    browser = Browser(world.build())
    await browser.log_in("guest")
    path = fire(world)
    assert "This account may only look" in (await browser.get(path)).text
    assert (await do(browser, path, "acknowledge")).status == 403
    assert world.home.acted() == []


async def test_nobody_acts_without_a_log_in_not_even_on_the_box(world: World) -> None:
    path = fire(world)
    answer = await Browser(world.build()).post(f"{path}/acknowledge", {})
    assert answer.status == 401
    assert world.home.acted() == []


async def test_an_answer_that_does_not_come_is_not_called_done(world: World, operator: Browser) -> None:
    path = fire(world)
    world.deciding = False
    answer = await do(operator, path, "acknowledge")
    assert answer.status == 503
    assert "not known whether it was done" in answer.text
    world.deciding = True
    async with asyncio.timeout(5):
        while not world.home.acted():
            await world.parts.changes.wait(world.parts.changes.version)
    assert world.abandoned == 0, "whoever decides would fulfil a future that is cancelled"
    assert "王护工" in (await operator.get(path)).text


async def test_what_did_not_reach_the_disk_says_so(world: World, operator: Browser) -> None:
    path = fire(world)
    world.durable = False
    answer = await do(operator, path, "acknowledge")
    assert answer.header("location").endswith("?done=not_durable")
    assert "the journal cannot be written" in (await operator.get(answer.header("location"))).text


@pytest.mark.parametrize("note", ["<script>", "nothing", "verdict.real"])
async def test_a_note_in_the_address_is_one_of_ours(world: World, operator: Browser, note: str) -> None:
    page = await operator.get(f"{fire(world)}?done={note}")
    assert page.status == 200
    assert 'id="note"' not in page.text


# the other pages


async def test_devices_with_the_age_of_their_last_report(world: World, operator: Browser) -> None:
    world.home.engine.devices["gas-1"].heard_at = None
    world.clock.advance(LIMIT - timedelta(seconds=30))
    world.home.say("smoke-1", smoke__alarm=True)
    world.clock.advance(timedelta(seconds=31))
    page = (await operator.get("/home/jinlan/devices")).text
    shown = {part.split('data-device="')[1].split('"')[0]: part.split(" ")[0].strip('"') for part in _rows(page)}
    assert shown == {
        "smoke-1": "alarm",
        "smoke-2": "silent",
        "smoke-3": "silent",
        "sos-1": "silent",
        "meter-1": "silent",
        "gas-1": "never",
    }
    assert "10 min 01 s" in page


def _rows(page: str) -> list[str]:
    return page.split('<li class="device ')[1:]


@pytest.mark.parametrize("zone, count", [("", 6), ("kitchen", 2), ("ward-1", 4), ("none", 0)])
async def test_devices_of_a_zone(world: World, operator: Browser, zone: str, count: int) -> None:
    page = (await operator.get(f"/home/jinlan/devices?zone={zone}&fragment=1")).text
    assert len(_rows(page)) == count


async def test_values_are_shown_with_their_units(world: World, operator: Browser) -> None:
    world.home.say("meter-1", current__residual=120.0)
    page = (await operator.get("/home/jinlan/devices")).text
    assert "residual current <b>120 mA</b>" in page
    assert "\x00" not in page


async def test_unregistered_devices_with_what_they_say(world: World, operator: Browser) -> None:
    world.strangers.append(Unregistered("jinlan", "z2m", "0x00<b>", START, 3, {"smoke.alarm": False}))
    world.strangers.append(Unregistered("elsewhere", "z2m", "0x01", START))
    page = (await operator.get("/unregistered")).text
    assert "0x00&lt;b&gt;" in page
    assert "smoke alarm <b>no</b>" in page
    browser = Browser(world.build())
    await browser.log_in("guest")
    assert "0x01" not in (await browser.get("/unregistered")).text


@pytest.mark.parametrize(
    "health, status, healthy",
    [
        (UP, 200, True),
        (Health(links=(LinkState("influx", False, START, "refused"),)), 503, False),
        (Health(), 503, False),
    ],
    ids=["up", "down", "nothing known"],
)
async def test_health_for_programs(world: World, operator: Browser, health: Health, status: int, healthy: bool) -> None:
    world.health = health
    answer = await operator.get("/health.json")
    said = json.loads(answer.body)
    assert (answer.status, said["healthy"], said["version"]) == (status, healthy, "0.1.0")
    assert [link["name"] for link in said["links"]] == [link.name for link in health.links]


async def test_health_for_people(world: World, operator: Browser) -> None:
    world.health = Health(links=(*UP.links, LinkState("broker:b", False, START, "refused")), counters={"packets": 7.0})
    page = (await operator.get("/health")).text
    assert "✕ down" in page
    assert page.index("broker:b") < page.index("influx"), "what is down stands first"
    assert "<dt>Packets received</dt><dd>7</dd>" in page


async def test_metrics_in_the_text_format_of_prometheus(world: World, operator: Browser) -> None:
    answer = await operator.get("/metrics")
    assert answer.header("content-type").startswith("text/plain; version=")
    assert b"# HELP " in answer.body


async def test_the_history_in_words_newest_first(world: World, operator: Browser) -> None:
    path = fire(world)
    await do(operator, path, "acknowledge")
    world.home.step(lambda at: LinkChanged(at=at, link="broker:main", up=False, detail="refused"))
    world.home.step(lambda at: DecodeFailed(at=at, source="z2m", topic="a/b", reason="not JSON"))
    page = (await operator.get("/history")).text
    for words in ("alarm raised", "acknowledged", "王护工", "link down", "broker:main", "not JSON", "site or rules"):
        assert words in page
    assert page.index("link down") < page.index("acknowledged</td>") < page.index("site or rules changed")


async def test_times_are_those_of_the_home_on_the_wall(world: World, operator: Browser) -> None:
    path = fire(world)
    assert "08:15:30" in (await operator.get(path)).text
    world.clock.wall_offset = timedelta(hours=1)
    assert "09:15:30" in (await operator.get(path)).text


@pytest.mark.parametrize("lang, words", [("zh", "当前报警"), ("en", "Open alarms")])
async def test_the_language_is_kept(world: World, lang: str, words: str) -> None:
    browser = Browser(world.build())
    await browser.get(f"/?lang={lang}")
    page = (await browser.get("/")).text
    assert words in page
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in page


async def test_an_unknown_language_is_not_kept(world: World) -> None:
    browser = Browser(world.build())
    assert (await browser.get("/?lang=<b>")).status == 200
    assert browser.cookies == {}


async def test_a_page_that_fails_says_so_and_gives_nothing_away(world: World, operator: Browser) -> None:
    def broken() -> Health:
        raise RuntimeError("a secret of the inside")

    app = type(world)(**{**vars(world), "parts": _with(world, health=broken)}).build()
    browser = Browser(app)
    with pytest.raises(RuntimeError):
        await browser.get("/")
    assert browser.last is not None
    assert browser.last.status == 500
    assert "secret" not in browser.last.text
    assert browser.last.header("x-frame-options") == "DENY"


def _with(world: World, **changed: object):
    names = type(world.parts).__dataclass_fields__
    return type(world.parts)(**{**{name: getattr(world.parts, name) for name in names}, **changed})


# the phone page


async def test_the_phone_page_says_what_where_since_when_and_what_to_do(world: World) -> None:
    fire(world)
    page = (await Browser(world.build(), address="192.0.2.9", host="box.example").get(world.link("p-wang"))).text
    for words in (
        "感烟探测器报警",
        "九九金兰敬老院",
        "东侧",
        "08:15:30",
        "还没有人处理",
        "您是 王护工",
        "我来处理",
        "立即到现场查看",
    ):
        assert words in page
    for words in ("我要报火警", "地址：金兰山街道1号", "12 张床位", "失能", "需要帮助", 'href="tel:119"'):
        assert words in page


async def test_no_fire_brigade_for_a_call_of_a_person(world: World) -> None:
    world.home.say("sos-1", sos__alarm=True)
    page = (await Browser(world.build()).get(world.link("p-wang"))).text
    assert "119" not in page


async def test_the_button_takes_the_incident_on(world: World) -> None:
    fire(world)
    link = world.link("p-wang")
    answer = await Browser(world.build(), address="192.0.2.9").post(link)
    assert answer.status == 200
    assert "您已于 08:15:30 接手" in answer.text
    (acted,) = world.home.acted()
    assert (acted.person, acted.verb, acted.via) == ("p-wang", Verb.ACKNOWLEDGE, "link")
    assert 'class="coming"' not in answer.text


PREFETCH = [
    (method, suffix)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE")
    for suffix in ("", "?person=p-wang", "?fragment=1", "?verb=acknowledge", "/", "/acknowledge")
]


@pytest.mark.parametrize("person", ["p-wang", "g-night"])
@pytest.mark.parametrize("method, suffix", PREFETCH)
async def test_whoever_fetches_ahead_changes_nothing(world: World, method: str, suffix: str, person: str) -> None:
    fire(world)
    before = (world.home.engine.seq, world.parts.inbox.depth)
    answer = await Browser(world.build(), address="192.0.2.9").ask(method, world.link(person) + suffix)
    assert answer.status in (200, 307, 404, 405)
    await asyncio.sleep(0)
    assert (world.home.engine.seq, world.parts.inbox.depth) == before
    assert answer.header("set-cookie") == ""


async def test_the_same_person_twice_is_done_once(world: World) -> None:
    fire(world)
    link = world.link("p-wang")
    browser = Browser(world.build())
    await browser.post(link)
    world.clock.advance(timedelta(seconds=20))
    again = await browser.post(link)
    assert again.status == 200
    assert "您已于 08:15:30 接手" in again.text
    assert len(world.home.acted()) == 1


async def test_a_second_person_hears_who_was_first(world: World) -> None:
    fire(world)
    app = world.build()
    await Browser(app).post(world.link("p-wang"))
    shown = await Browser(app).get(world.link("p-li"))
    assert "王护工 已于 08:15:30 接手" in shown.text
    assert "我也去" in shown.text
    answer = await Browser(app).post(world.link("p-li"))
    assert answer.status == 200
    assert "王护工 已于 08:15:30 先接手；您也去" in answer.text
    assert "您已于" not in answer.text
    assert 'id="problem"' not in answer.text
    assert 'class="coming"' not in answer.text


async def test_after_a_further_detector_the_first_is_asked_again(world: World) -> None:
    fire(world)
    link = world.link("p-wang")
    browser = Browser(world.build())
    await browser.post(link)
    world.home.say("smoke-2", smoke__alarm=True)
    page = (await browser.get(link)).text
    assert "您确认之后又有新的报警" in page
    assert 'class="coming"' in page
    assert (await browser.post(link)).status == 200
    assert len(world.home.acted()) == 2


async def test_a_link_to_a_group_asks_who(world: World) -> None:
    fire(world)
    page = (await Browser(world.build()).get(world.link("g-night"))).text
    assert "您是谁" in page
    for name in ("王护工", "李护工", "陈院长"):
        assert f"<span>{name}</span>" in page
    assert "<span>夜班群</span>" not in page


@pytest.mark.parametrize("chosen", [None, "", "g-night", "nobody", "p-wang "])
async def test_a_group_that_does_not_say_who_takes_nothing_on(world: World, chosen: str | None) -> None:
    fire(world)
    form = {} if chosen is None else {"person": chosen}
    answer = await Browser(world.build()).post(world.link("g-night"), form)
    assert answer.status == 409
    assert "请先选择您是谁" in answer.text
    assert world.home.acted() == []


async def test_who_of_a_group_answers_is_on_record(world: World) -> None:
    fire(world)
    answer = await Browser(world.build()).post(world.link("g-night"), {"person": "p-li"})
    assert answer.status == 200
    assert [acted.person for acted in world.home.acted()] == ["p-li"]
    assert "李护工" in answer.text


async def test_a_link_to_one_person_cannot_name_another(world: World) -> None:
    fire(world)
    await Browser(world.build()).post(world.link("p-wang"), {"person": "p-chen"})
    assert [acted.person for acted in world.home.acted()] == ["p-wang"]


async def test_a_person_who_left_takes_nothing_on(world: World) -> None:
    fire(world)
    link = world.link("p-gone")
    browser = Browser(world.build())
    assert "已不在名单上" in (await browser.get(link)).text
    assert (await browser.post(link)).status == 409
    assert world.home.acted() == []


async def over(world: World) -> str:
    fire(world)
    link = world.link("p-wang")
    incident = world.home.incident
    world.home.step(lambda at: OperatorActed(at=at, person="p-chen", verb=Verb.ACKNOWLEDGE, target=incident))
    world.home.say("smoke-1", smoke__alarm=False)
    judged = partial(OperatorActed, person="p-chen", verb=Verb.VERDICT, target=incident, finding="real_fire")
    world.home.step(lambda at: judged(at=at))
    world.home.step(lambda at: OperatorActed(at=at, person="p-chen", verb=Verb.RESET, target=incident))
    assert not world.home.engine.incidents
    return link


@pytest.mark.parametrize("known", [True, False], ids=["in the journal", "long ago"])
async def test_after_the_reset_the_page_says_what_the_record_says(world: World, known: bool) -> None:
    link = await over(world)
    if not known:
        world.home.journal.clear()
    browser = Browser(world.build())
    acted = len(world.home.acted())
    for answer, status in ((await browser.get(link), 200), (await browser.post(link), 409)):
        assert answer.status == status
        assert ("此报警已结束，不需要再处理" in answer.text) is known
        assert ("状态未知" in answer.text) is not known
        assert ("由 陈院长 于" in answer.text) is known
        assert 'class="coming"' not in answer.text
    assert len(world.home.acted()) == acted


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_expired_link_says_so(world: World, method: str) -> None:
    fire(world)
    link = world.link("p-wang")
    world.clock.advance(timedelta(hours=25))
    answer = await Browser(world.build()).ask(method, link)
    assert answer.status == 410
    assert "链接已过期" in answer.text
    assert "什么都没有改变" in answer.text
    assert world.home.acted() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("keep, add", [(-3, ""), (None, "x"), (3, "x"), (3, "x" * 3000)])
async def test_a_broken_link_says_so(world: World, keep: int | None, add: str, method: str) -> None:
    fire(world)
    answer = await Browser(world.build()).ask(method, world.link("p-wang")[:keep] + add)
    assert answer.status == 404
    assert "链接无效" in answer.text
    assert world.home.acted() == []


async def test_a_link_of_a_home_that_left_says_so(world: World) -> None:
    page = world.links.page("closed", "closed:1:1.i1", "m", "p-wang").removeprefix("https://console.test")
    answer = await Browser(world.build()).get(page)
    assert answer.status == 404
    assert "此机构不在本网关上" in answer.text


async def test_a_phone_hears_when_nobody_answered(world: World) -> None:
    fire(world)
    world.deciding = False
    answer = await Browser(world.build()).post(world.link("p-wang"))
    assert answer.status == 503
    assert "不知道是否已执行" in answer.text
    world.deciding = True


async def test_a_phone_hears_when_the_disk_is_dead(world: World) -> None:
    fire(world)
    world.durable = False
    answer = await Browser(world.build()).post(world.link("p-wang"))
    assert "日志无法写盘" in answer.text


async def test_names_are_shown_as_text(tmp_path: Path) -> None:
    site = a_site()
    world = a_world(tmp_path, [site])
    world.home.say("smoke-1", smoke__alarm=True)
    alarm = next(iter(world.home.engine.alarms.values()))
    world.home.engine.alarms[alarm.id] = type(alarm)(
        **{name: getattr(alarm, name) for name in alarm.__struct_fields__ if name != "value"}, value="<img src=x>"
    )
    for path in ("/", world.link("p-wang")):
        page = (await Browser(world.build()).get(path)).text
        assert "<img" not in page
        assert "&lt;img src=x&gt;" in page
