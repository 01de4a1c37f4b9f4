"""The app on the phone: whose it is, what its buttons do, and that each answer is clear."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.console import phone_app
from gateway.console.enrolment import device_words
from gateway.console.installing import ICON_SIZES, draw_icon
from gateway.console.routes import build
from gateway.record import phones as phones_module
from gateway.record.phones import CODE_LIFETIME, Subscription
from rules.alarm import Category
from rules.effects import Notify
from rules.inputs import HandedOver, OperatorActed, Outcome, ProcedureTicked, SiteChanged, SupportRequested, Verb
from rules.people import Hours, Post, Shift
from rules.site import Plan, PlanStep, Site, Until
from rules.text import Text
from tests.console_world import RULES, Answer, Browser, World, a_site, a_world

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = a_world(tmp_path, [a_site(), a_site("dajing")], answer_within_s=5.0)
    deciding = asyncio.create_task(made.decide())
    yield made
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)


@pytest.fixture
async def phone(world: World) -> Browser:
    browser = Browser(world.build())
    await world.enrolled(browser)
    return browser


def fire(world: World, device: str = "smoke-1") -> str:
    world.home.say(device, smoke__alarm=True)
    return f"/app/home/jinlan/incident/{world.home.incident}"


async def press(phone: Browser, path: str, act: str, **fields: str) -> Answer:
    page = await phone.get(path)
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    return await phone.post(path, {"act": act, "csrf": csrf, **fields})


# whose phone it is


async def test_a_stranger_is_asked_for_the_code_and_sees_no_alarm(world: World) -> None:
    path = fire(world)
    stranger = Browser(world.build())
    page = await stranger.get("/app")
    assert page.status == 200
    assert 'name="code"' in page.text
    assert "东侧" not in page.text
    assert (await stranger.get(path)).header("location") == "/app"
    assert (await stranger.get(f"{path}?fragment=1")).status == 401
    assert (await stranger.post(path, {"act": "coming"})).header("location") == "/app"
    assert world.home.acted() == []


async def test_a_code_becomes_a_phone_only_when_its_owner_says_so(world: World) -> None:
    code = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    browser = Browser(world.build())
    shown = await browser.get(f"/app/enrol/{code}")
    assert "王护工" in shown.text and "九九金兰敬老院" in shown.text
    assert world.reach.phones.of_person("jinlan", "p-wang") == [], "looking changes nothing"
    asked = await browser.post("/app/enrol", {"code": code})
    assert "王护工" in asked.text
    assert world.reach.phones.of_person("jinlan", "p-wang") == [], "a typed code is asked about, too"
    done = await browser.ask("POST", "/app/enrol", {"code": code, "sure": "yes"}, {"user-agent": "Chrome/1 Android"})
    assert (done.status, done.header("location")) == (303, "/app")
    cookie = done.header("set-cookie").lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/app" in cookie
    (made,) = world.reach.phones.of_person("jinlan", "p-wang")
    assert (made.name, made.enrolled_by) == ("Chrome · Android", "p-chen")
    assert "王护工" in (await browser.get("/app")).text
    again = await Browser(world.build()).post("/app/enrol", {"code": code, "sure": "yes"})
    assert again.status == 404
    assert "可能已用过" in again.text


async def test_over_https_the_cookie_is_secure(world: World) -> None:
    code = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    browser = Browser(world.build(), scheme="https")
    done = await browser.post("/app/enrol", {"code": code, "sure": "yes"})
    assert "secure" in done.header("set-cookie").lower()


async def test_an_old_code_says_so(world: World) -> None:
    code = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    world.clock.advance(CODE_LIFETIME)
    assert "已过期" in (await Browser(world.build()).get(f"/app/enrol/{code}")).text


async def test_guessing_codes_is_stopped(world: World) -> None:
    browser = Browser(world.build())
    for _ in range(5):
        assert (await browser.post("/app/enrol", {"code": "AAAAAAAAAA"})).status == 404
    assert (await browser.post("/app/enrol", {"code": "AAAAAAAAAA"})).status == 429
    good = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    held = await browser.get(f"/app/enrol/{good}")
    assert held.status == 429
    assert int(held.header("retry-after")) > 0
    world.clock.advance(timedelta(minutes=6))
    assert (await browser.get(f"/app/enrol/{good}")).status == 200


async def test_a_form_from_elsewhere_enrols_nobody(world: World) -> None:
    code = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    answer = await Browser(world.build()).post("/app/enrol", {"code": code, "sure": "yes"}, origin="https://evil.example")
    assert answer.status == 403
    assert world.reach.phones.of_person("jinlan", "p-wang") == []


async def test_too_many_phones_are_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones_module, "PHONES_OF_A_PERSON_MAX", 0)
    code = await world.reach.phones.invite("p-wang", ("jinlan",), "p-chen")
    answer = await Browser(world.build()).post("/app/enrol", {"code": code, "sure": "yes"})
    assert answer.status == 409
    assert "请先撤销不用的" in answer.text


async def test_a_revoked_phone_is_a_stranger(world: World, phone: Browser) -> None:
    path = fire(world)
    (mine,) = world.reach.phones.of_person("jinlan", "p-wang")
    assert (await phone.get(path)).status == 200
    await world.reach.phones.revoke(mine.id)
    assert (await phone.get(f"{path}?fragment=1")).status == 401
    assert (await phone.post("/app/answer")).status == 401


async def test_somebody_who_left_the_home_is_a_stranger(world: World, phone: Browser) -> None:
    site = world.parts.sites["jinlan"]
    world.parts.sites["jinlan"] = a_site().__class__(  # type: ignore[index]
        **{name: getattr(site, name) for name in site.__struct_fields__} | {"people": site.people[1:]}
    )
    assert 'name="code"' in (await phone.get("/app")).text


async def test_an_account_is_its_persons_phone_and_a_viewer_only_looks(world: World) -> None:
    path = fire(world)
    browser = Browser(world.build())
    await browser.log_in()
    assert 'value="coming"' in (await browser.get(path)).text
    guest = Browser(world.build())
    await guest.log_in("guest")
    assert 'name="code"' in (await guest.get("/app?lang=zh")).text, "an account that is nobody of the home"


async def test_another_homes_incident_is_not_shown(world: World, phone: Browser) -> None:
    other = world.homes["dajing"]
    other.say("smoke-1", smoke__alarm=True)
    path = f"/app/home/dajing/incident/{other.incident}"
    assert (await phone.get(path)).status == 404
    assert (await phone.post(path, {"act": "coming"})).status == 404
    assert "大荆" not in (await phone.get("/app")).text


async def test_a_phone_forgets_its_person(world: World, phone: Browser) -> None:
    page = (await phone.get("/app")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    assert (await phone.post("/app/leave", {"csrf": "x"})).status == 403
    await phone.post("/app/leave", {"csrf": csrf})
    assert world.reach.phones.of_person("jinlan", "p-wang") == []
    assert "anlian_phone" not in phone.cookies


# what has to be done


async def test_the_list_has_what_calls_first_and_opens_it(world: World, phone: Browser) -> None:
    path = fire(world)
    world.home.say("meter-1", current__residual=900.0)
    page = (await phone.get("/app")).text
    assert f'data-calling="{path}"' in page
    assert 'data-sounding="yes"' in page
    assert page.index("感烟探测器报警") < page.index("剩余电流过大")
    await press(phone, path, "coming")
    page = (await phone.get("/app?fragment=1")).text
    assert 'data-calling=""' in page and 'data-sounding="no"' in page
    assert page.index("我接手的") < page.index("感烟探测器报警")


async def test_nothing_open_is_said(phone: Browser) -> None:
    assert "现在没有未结束的事件" in (await phone.get("/app")).text


async def test_the_page_of_an_incident_says_who_needs_help_and_has_every_button(world: World, phone: Browser) -> None:
    page = (await phone.get(fire(world))).text
    assert "这里有 12 张床位，住的是失能老人" in page
    for button in ("coming", "support", "false", "tick"):
        assert f'value="{button}"' in page
    assert "tel:119" in page
    assert "金兰山街道1号" in page
    assert "还没有人处理" in page
    assert 'data-sounding="yes"' in page


# the buttons


async def test_coming_is_taken_once_whoever_presses_and_how_often(world: World, phone: Browser) -> None:
    path = fire(world)
    second = Browser(phone.app)
    await world.enrolled(second, "p-li")
    first = await press(phone, path, "coming")
    assert "您已于" in first.text
    stale = await phone.post(path, {"act": "coming", "csrf": first.text.split('name="csrf" value="')[1].split('"')[0]})
    assert stale.status == 200 and "您已于" in stale.text, "pressed twice"
    too = await press(second, path, "coming")
    assert too.status == 200 and "您也去，已记录" in too.text
    assert [each.person for each in world.home.acted()] == ["p-wang", "p-li"]
    coming = (await phone.get(path)).text
    assert coming.count("<b>王护工</b>") == 1 and coming.count("<b>李护工</b>") == 1


async def test_a_button_after_the_end_changes_nothing_and_says_so(world: World, phone: Browser) -> None:
    path = fire(world)
    csrf = (await phone.get(path)).text.split('name="csrf" value="')[1].split('"')[0]
    end(world)
    before = len(world.home.journal)
    for act in ("coming", "support", "false", "tick"):
        answer = await phone.post(path, {"act": act, "csrf": csrf, "cause": "steam", "step": "fire.smoke 1"})
        assert answer.status == 409
        assert "此报警已结束" in answer.text
    assert len(world.home.journal) == before


def end(world: World) -> None:
    target = world.home.incident
    for verb, more in ((Verb.ACKNOWLEDGE, {}), (Verb.VERDICT, {"finding": "equipment_fault", "cause": "x"})):
        world.home.step(
            lambda at, verb=verb, more=more: OperatorActed(at=at, person="p-li", verb=verb, target=target, **more)
        )
    world.home.say("smoke-1", smoke__alarm=False)
    world.home.step(lambda at: OperatorActed(at=at, person="p-li", verb=Verb.RESET, target=target))
    assert not world.home.engine.incidents


async def test_support_calls_more_people_and_the_page_says_so(world: World, phone: Browser) -> None:
    path = fire(world)
    await press(phone, path, "coming")
    before = len(world.home.journal)
    page = await press(phone, path, "support")
    (entry,) = world.home.journal[before:]
    assert isinstance(entry.input, SupportRequested)
    assert any(isinstance(effect, Notify) for effect in entry.effects)
    assert "您于 08:15:30 请求支援" in page.text
    second = Browser(world.build())
    await world.enrolled(second, "p-li")
    seen = (await second.get(path)).text
    assert "王护工 于 08:15:30 请求支援" in seen
    await press(second, path, "coming")
    assert "请求支援，正在呼叫" not in (await phone.get(path)).text


async def test_support_pressed_twice_is_one_call_and_says_why(world: World, phone: Browser) -> None:
    path = fire(world)
    await press(phone, path, "support")
    again = await press(phone, path, "support")
    assert again.status == 409
    assert "刚刚已请求支援" in again.text


async def test_a_false_alarm_needs_its_cause(world: World, phone: Browser) -> None:
    path = fire(world)
    nothing = await press(phone, path, "false", cause="made-up", words=" ")
    assert nothing.status == 409
    assert "请选择或填写误报原因" in nothing.text
    assert world.home.acted() == []
    page = await press(phone, path, "false", cause="cooking", words="炒辣椒")
    assert page.status == 200
    (acted,) = world.home.acted()
    assert (acted.verb, acted.finding, acted.cause, acted.via) == (
        Verb.VERDICT,
        "false_alarm",
        "油烟、做饭 · 炒辣椒",
        "app",
    )


async def test_an_outcome_with_its_time_is_said_on_the_phone(world: World, phone: Browser) -> None:
    path = fire(world)
    page = (await phone.get(path)).text
    assert "未给出复核结论前不能复位" in page and 'name="finding" value="real_fire"' in page
    assert (await press(phone, path, "outcome")).status == 409
    assert "请填写拨打120或离开的时间" in (await press(phone, path, "outcome", finding="to_hospital")).text
    bad = await press(phone, path, "outcome", finding="to_hospital", **{"time.left": "soon"})
    assert bad.status == 409 and "时间须写成" in bad.text
    done = await press(phone, path, "outcome", finding="to_hospital", **{"time.left": "07:30"})
    assert done.status == 200 and "紧急送医" in done.text and "未给出复核结论前不能复位" not in done.text
    acted = world.home.acted()[-1]
    assert (acted.finding, list(acted.times), acted.via, acted.person) == ("to_hospital", ["left"], "app", "p-wang")


async def test_a_long_cause_is_cut(world: World, phone: Browser) -> None:
    await press(phone, fire(world), "false", words="长" * 1000)
    (acted,) = world.home.acted()
    assert len(acted.cause) == 200


async def test_steps_are_ticked_and_shown_with_whoever_did_them(world: World, phone: Browser) -> None:
    path = fire(world)
    page = await press(phone, path, "tick", step="fire.smoke 1")
    assert re.search(r'class="done".*?王护工 08:15:30', page.text, re.DOTALL)
    ticked = [entry.input for entry in world.home.journal if isinstance(entry.input, ProcedureTicked)]
    assert [(each.rule, each.step, each.done, each.person) for each in ticked] == [("fire.smoke", 1, True, "p-wang")]
    page = await press(phone, path, "untick", step="fire.smoke 1")
    assert 'class="done"' not in page.text
    wrong = await press(phone, path, "tick", step="fire.smoke 99")
    assert wrong.status == 409
    assert "没有这一步" in wrong.text


@pytest.mark.parametrize("step", ["", "x", "fire.smoke", "fire.smoke ٣", "fire.smoke -1", "fire.smoke 1e3", "  "])
async def test_a_broken_step_is_refused(world: World, phone: Browser, step: str) -> None:
    answer = await press(phone, fire(world), "tick", step=step)
    assert answer.status == 409
    assert not world.home.engine.incidents[world.home.incident].ticks


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        pytest.param("", {}, id="no_token"),
        pytest.param("0" * 64, {}, id="another_token"),
        pytest.param("ü", {}, id="no_ascii"),
        pytest.param(None, {"origin": "https://evil.example"}, id="elsewhere"),
        pytest.param(None, {"sec-fetch-site": "cross-site"}, id="said_by_the_browser"),
    ],
)
async def test_a_forged_form_changes_nothing(
    world: World, phone: Browser, csrf: str | None, headers: dict[str, str]
) -> None:
    path = fire(world)
    good = (await phone.get(path)).text.split('name="csrf" value="')[1].split('"')[0]
    answer = await phone.post(path, {"act": "coming", "csrf": good if csrf is None else csrf}, **headers)
    assert answer.status == 403
    assert world.home.acted() == []


async def test_looking_changes_nothing(world: World, phone: Browser) -> None:
    path = fire(world)
    before = len(world.home.journal)
    for each in ("/app", path, f"{path}?act=coming", "/app/offline", "/install"):
        assert (await phone.get(each)).status == 200
    assert len(world.home.journal) == before


# its script


async def say(phone: Browser, path: str, body: object, csrf: str | None = None) -> int:
    page = (await phone.get("/app")).text
    token = page.split('data-csrf="')[1].split('"')[0] if csrf is None else csrf
    app = phone.app
    sent: list[dict[str, object]] = []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    cookies = "; ".join(f"{name}={value}" for name, value in phone.cookies.items())
    headers = {"host": "127.0.0.1", "cookie": cookies, "x-csrf": token}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path, "raw_path": b"",
        "query_string": b"", "root_path": "", "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    return int(sent[0]["status"])  # type: ignore[call-overload]


async def test_where_to_push_is_kept_and_forgotten(world: World, phone: Browser) -> None:
    place = {"endpoint": "https://fcm.googleapis.com/x", "p256dh": "p", "auth": "a"}
    assert await say(phone, "/app/push", place) == 204
    assert world.reach.phones.of_person("jinlan", "p-wang")[0].push == Subscription(*place.values())
    assert await say(phone, "/app/push", {}) == 204
    assert world.reach.phones.of_person("jinlan", "p-wang")[0].push is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="no_text"),
        pytest.param([], id="a_list"),
        pytest.param({"endpoint": "https://x"}, id="without_keys"),
        pytest.param({"endpoint": "https://x/" + "x" * 2000, "p256dh": "p", "auth": "a"}, id="too_long"),
        pytest.param({"endpoint": 7}, id="a_number"),
    ],
)
async def test_a_broken_subscription_is_refused(world: World, phone: Browser, body: object) -> None:
    assert await say(phone, "/app/push", body) == 400
    assert world.reach.phones.of_person("jinlan", "p-wang")[0].push is None


async def test_a_script_without_its_token_is_refused(world: World, phone: Browser) -> None:
    assert await say(phone, "/app/push", {"endpoint": "https://x", "p256dh": "p", "auth": "a"}, csrf="x") == 400
    assert world.reach.phones.of_person("jinlan", "p-wang")[0].push is None


async def test_an_answer_on_its_line_and_on_none(world: World, phone: Browser) -> None:
    lines = world.reach.lines
    assert lines.open("line-1", "p-wang", ("jinlan",)) is not None
    assert await say(phone, "/app/answer", {"line": "line-1", "visible": True}) == 204
    assert lines.is_watching("jinlan", "p-wang")
    assert await say(phone, "/app/answer", {"line": "line-1", "visible": False}) == 204
    assert not lines.is_watching("jinlan", "p-wang")
    assert await say(phone, "/app/answer", {"line": "line-9", "visible": True}) == 410


async def test_receipts_are_the_persons(world: World, phone: Browser) -> None:
    assert await say(phone, "/app/receipt", {"message": "m1"}) == 204
    assert await say(phone, "/app/receipt", {"message": "m1", "opened": True}, csrf="") == 204, "the worker has none"
    assert world.reach.said == [("m1", "p-wang", Outcome.DELIVERED), ("m1", "p-wang", Outcome.READ)]


async def test_too_many_lines_are_told_to_come_again(
    world: World, phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.lines.LINES_MAX", 0)
    answer = await phone.get("/app/line")
    assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert (await Browser(world.build()).get("/app/line")).status == 401


# the operator's page


async def operator(world: World) -> Browser:
    browser = Browser(world.build())
    await browser.log_in()
    return browser


async def test_an_operator_makes_a_code_that_is_shown_once(world: World) -> None:
    browser = await operator(world)
    csrf = await browser.csrf("/home/jinlan/phones")
    page = await browser.post("/home/jinlan/phones/invite", {"csrf": csrf, "person": "p-li"})
    code = page.text.split('id="code">')[1].split("<")[0]
    assert f"https://console.test/app/enrol/{code}" in page.text
    assert "<svg" in page.text
    found = world.reach.phones.invitation(code)
    assert found is not None
    assert (found.person, found.homes, found.made_by) == ("p-li", ("jinlan",), "p-wang")
    assert code not in (await browser.get("/home/jinlan/phones")).text


async def test_a_person_of_two_homes_can_have_both_on_one_phone(world: World) -> None:
    browser = await operator(world)
    csrf = await browser.csrf("/home/jinlan/phones")
    form = {"csrf": csrf, "person": "p-li", "home-dajing": "yes", "home-nowhere": "yes"}
    page = await browser.post("/home/jinlan/phones/invite", form)
    found = world.reach.phones.invitation(page.text.split('id="code">')[1].split("<")[0])
    assert found is not None
    assert found.homes == ("jinlan", "dajing")


async def test_an_operator_revokes(world: World, phone: Browser) -> None:
    browser = await operator(world)
    (mine,) = world.reach.phones.of_person("jinlan", "p-wang")
    csrf = await browser.csrf("/home/jinlan/phones")
    assert (await browser.post("/home/jinlan/phones/revoke", {"csrf": "x", "phone": mine.id})).status == 403
    done = await browser.post("/home/jinlan/phones/revoke", {"csrf": csrf, "phone": mine.id})
    assert done.status == 303
    assert 'name="code"' in (await phone.get("/app")).text
    assert (await browser.post("/home/jinlan/phones/revoke", {"csrf": csrf, "phone": mine.id})).status == 404


@pytest.mark.parametrize("person", ["g-night", "nobody", ""])
async def test_nobody_and_no_group_gets_a_code(world: World, person: str) -> None:
    browser = await operator(world)
    csrf = await browser.csrf("/home/jinlan/phones")
    answer = await browser.post("/home/jinlan/phones/invite", {"csrf": csrf, "person": person})
    assert answer.status == 404
    assert 'id="code"' not in answer.text


async def test_a_viewer_makes_no_codes(world: World) -> None:
    guest = Browser(world.build())
    await guest.log_in("guest")
    assert (await guest.get("/home/jinlan/phones")).status == 404
    assert (await guest.post("/home/jinlan/phones/invite", {"person": "p-li"})).status == 404
    assert (await Browser(world.build(), address="203.0.113.9").get("/home/jinlan/phones")).status == 303


# an app


async def test_what_a_browser_needs_for_an_app(world: World) -> None:
    browser = Browser(world.build())
    manifest = await browser.get("/app/manifest.webmanifest")
    assert manifest.header("content-type") == "application/manifest+json"
    document = json.loads(manifest.body)
    assert (document["start_url"], document["scope"], document["display"]) == ("/app", "/app", "standalone")
    for icon in document["icons"]:
        got = await browser.get(icon["src"])
        assert got.status == 200 or icon["src"].startswith("/static/")
    worker = await browser.get("/app/worker.js")
    assert worker.header("content-type").startswith("text/javascript")
    assert worker.header("service-worker-allowed") == "/app"
    assert "/static/app.js" in worker.text and "{{" not in worker.text
    assert "manifest-src 'self'" in worker.header("content-security-policy")
    offline = await browser.get("/app/offline")
    assert "没有连上网关" in offline.text and "No connection" in offline.text and "tel:119" in offline.text


@pytest.mark.parametrize("size", ICON_SIZES)
def test_icons_are_png_of_their_size(size: int) -> None:
    body = draw_icon(size)
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(body[16:20]) == int.from_bytes(body[20:24]) == size
    assert len(body) < 20_000


async def test_only_the_icons_there_are(world: World) -> None:
    assert (await Browser(world.build()).get("/app/icon-9999.png")).status == 404


async def test_without_phones_there_is_no_app(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    bare = build(world.parts.__class__(**{**parts_of(world), "reach": None}))
    assert (await Browser(bare).get("/app")).status == 404


def parts_of(world: World) -> dict[str, object]:
    return {name: getattr(world.parts, name) for name in world.parts.__dataclass_fields__}


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        pytest.param("Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
                     "Chrome · Android", id="android"),
        pytest.param("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile Safari/604.1",
                     "Safari · iPhone", id="iphone"),
        pytest.param("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 Chrome/114 ArkWeb/4 Mobile",
                     "Chrome · HarmonyOS", id="harmony"),
        pytest.param("Mozilla/5.0 (Linux; Android 14) Chrome/107 MicroMessenger/8.0", "WeChat · Android", id="wechat"),
        pytest.param("", "?", id="nothing"),
    ],
)  # fmt: skip
def test_a_phone_is_named_by_its_browser(agent: str, shown: str) -> None:
    assert device_words(agent) == shown


CA = """-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUAQIDBAUGBwgJCgsMDQ4PEBESExQwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
"""


async def test_the_county_s_certificate_is_shown_and_handed_out(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(f"some words\n{CA}{CA}")
    world = a_world(tmp_path, phone_ca=file)
    browser = Browser(world.build())
    page = (await browser.get("/install")).text
    assert re.search(r'id="fingerprint">([0-9A-F]{2}:){31}[0-9A-F]{2}<', page)
    assert "证书信任设置" in page and "HarmonyOS" in (await browser.get("/install?lang=en")).text
    got = await browser.get("/install/ca.crt")
    assert got.header("content-type") == "application/x-x509-ca-cert"
    assert got.body[:2] == b"0\x82"
    file.unlink()
    assert (await browser.get("/install/ca.crt")).status == 404
    assert 'id="fingerprint"' not in (await browser.get("/install?lang=zh")).text


# shifts


def with_a_roster(world: World) -> None:
    """p-wang has the day from 08:00 to 20:00, p-li the night; it is 08:15."""
    site = world.parts.sites["jinlan"]
    fields = {name: getattr(site, name) for name in site.__struct_fields__}
    roster = {
        "posts": (Post(id="care", name=Text("护理岗", "Care")),),
        "shifts": (
            Shift(id="day", post="care", hours=Hours(begins=480, ends=1200), people=("p-wang",)),
            Shift(id="night", post="care", hours=Hours(begins=1200, ends=480), people=("p-li",)),
        ),
    }
    made = Site(**{**fields, **roster})
    world.parts.sites["jinlan"] = made  # type: ignore[index]
    world.home.step(lambda at: SiteChanged(at=at, site=made, rules=RULES, ruleset="tests"))


async def test_my_shifts_are_listed_and_the_one_that_runs_is_marked(world: World, phone: Browser) -> None:
    with_a_roster(world)
    page = (await phone.get("/app?lang=en")).text
    assert page.count("<b>Care</b>") == 7, "today's and those that end within seven days"
    assert "on duty now — 20:00<" in page
    assert 'value="leave"' in page
    assert "You have no shift" not in page


@pytest.mark.parametrize("act", ["leave", "take"])
async def test_a_post_is_handed_over_with_both_names(world: World, phone: Browser, act: str) -> None:
    with_a_roster(world)
    csrf = (await phone.get("/app")).text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "act": act, "post": "care", "other": "p-li", "open_items": "202 室\r\n换电池", "note": "n"}
    done = await phone.post("/app/home/jinlan/handover", form)
    assert (done.status, done.header("location")) == (303, "/app?done=handover")
    (handed,) = [entry.input for entry in world.home.journal if isinstance(entry.input, HandedOver)]
    both = ("p-wang", "p-li") if act == "leave" else ("p-li", "p-wang")
    assert (handed.outgoing, handed.incoming, handed.person, handed.via) == (*both, "p-wang", "app")
    assert (handed.open_items, handed.note) == ("202 室\n换电池", "n")
    assert "交接已记录" in (await phone.get("/app?done=handover")).text


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        pytest.param("/app/home/jinlan/handover", {"other": ""}, 409, id="nobody"),
        pytest.param("/app/home/jinlan/handover", {"post": "nowhere"}, 409, id="no_such_post"),
        pytest.param("/app/home/jinlan/handover", {"csrf": "x"}, 403, id="forged"),
        pytest.param("/app/home/dajing/handover", {}, 404, id="another_home"),
    ],
)
async def test_a_hand_over_that_is_none_is_refused(
    world: World, phone: Browser, path: str, changes: dict[str, str], status: int
) -> None:
    with_a_roster(world)
    csrf = (await phone.get("/app")).text.split('name="csrf" value="')[1].split('"')[0]
    answer = await phone.post(path, {"csrf": csrf, "act": "leave", "post": "care", "other": "p-li", **changes})
    assert answer.status == status
    assert world.home.engine.duty.handovers == ()


async def test_making_a_code_erases_the_phones_of_those_who_left(world: World, phone: Browser) -> None:
    gone = await world.reach.phones.enrol_person("p-gone", ("jinlan",), "old", "chen")
    browser = await operator(world)
    csrf = await browser.csrf("/home/jinlan/phones")
    await browser.post("/home/jinlan/phones/invite", {"csrf": csrf, "person": "p-li"})
    assert world.reach.phones.find(gone[0].id) is None
    assert (await phone.get("/app")).text.count('name="code"') == 0, "who is there stays"


async def test_where_two_are_asked_for_the_second_one_is_needed(world: World, phone: Browser) -> None:
    site = world.parts.sites["jinlan"]
    fields = {name: getattr(site, name) for name in site.__struct_fields__}
    both = Plan(category=Category.FIRE, steps=(PlanStep(tell=("role:*",)),), until=Until.ACKNOWLEDGED_BY_TWO)
    made = Site(**{**fields, "plans": (both,)})
    world.parts.sites["jinlan"] = made  # type: ignore[index]
    world.home.step(lambda at: SiteChanged(at=at, site=made, rules=RULES, ruleset="tests"))
    path = fire(world)
    second = Browser(phone.app)
    await world.enrolled(second, "p-li")
    await press(phone, path, "coming")
    assert f'href="{path}"' in (await second.get("/app")).text.split("需要有人处理")[1]
    too = await press(second, path, "coming")
    assert "您也去，已记录" in too.text
    assert world.home.engine.incidents[world.home.incident].seconded_by == "p-li"
    assert "需要有人处理" not in (await second.get("/app")).text
    assert (await phone.get(path)).text.count("<b>李护工</b>") == 1


async def test_a_flood_is_bounded_and_put_into_words_once_a_change(
    world: World, phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_app, "TASKS_MAX", 2)
    made: list[str] = []
    row = phone_app.incident_row
    monkeypatch.setattr(phone_app, "incident_row", lambda *args: (made.append(args[2].id), row(*args))[1])
    world.home.say("meter-1", current__residual=900.0)
    world.home.say("gas-1", gas__alarm=True)
    world.home.say("smoke-1", smoke__alarm=True)
    world.parts.changes.bump()
    page = (await phone.get("/app")).text
    assert "感烟探测器报警" in page and "可燃气体报警" in page
    assert "剩余电流过大" not in page
    assert "另有 1 个" in page
    second = Browser(phone.app)
    await world.enrolled(second, "p-li")
    await second.get("/app?fragment=1")
    assert len(made) == 2, "two incidents, however many phones look"
    world.parts.changes.bump()
    await second.get("/app?fragment=1")
    assert len(made) == 4
