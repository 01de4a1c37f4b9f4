"""The console in a real browser: what people do, what they see, and that a dead picture never looks alive."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gateway.report.view import QualityView
from rules.inputs import Verb
from tests.browser.conftest import Console
from tests.console_world import LIMIT, Served, free_port
from tests.unit.test_console_quality import GAPS, Asked, quality

pytestmark = pytest.mark.browser


def fire(console: Console) -> str:
    """A fire; the path of its incident."""
    console.say("smoke-1", smoke__alarm=True)
    return f"/home/jinlan/incident/{console.world.home.incident}"


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_class("connection live")


def test_all_normal_is_green_and_said(console: Console) -> None:
    page = console.page(lang="zh")
    live(page)
    expect(page.locator("#verdict")).to_have_text("一切正常")
    expect(page.locator("#overlay")).to_be_hidden()
    assert page.locator(".tile-count").all_text_contents() == ["0"] * 7


def test_a_fire_appears_without_a_reload_within_two_seconds(console: Console) -> None:
    page = console.page()
    live(page)
    page.evaluate("window.marked = true")
    console.say("smoke-1", smoke__alarm=True)
    row = page.locator(".row.fire")
    expect(row).to_be_visible(timeout=2000)
    expect(row).to_contain_text("Smoke detector in alarm")
    expect(page.locator('[data-count="fire"]')).to_have_text("1")
    expect(page.locator("#verdict")).to_have_text("Alarm")
    expect(page.locator("#announce")).to_contain_text("Smoke detector in alarm")
    expect(page).to_have_title(re.compile("Fire"))
    assert page.evaluate("window.marked") is True


def test_ages_tick_by_themselves(console: Console) -> None:
    console.say("smoke-1", smoke__alarm=True)
    page = console.page()
    age = page.locator(".row .age")
    first = age.text_content()
    expect(age).not_to_have_text(first or "", timeout=3000)


def test_the_sound_starts_with_a_touch(console: Console) -> None:
    fire(console)
    page = console.page()
    sound = page.locator("#sound")
    expect(sound).to_have_class("sound needed")
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")


def test_log_in_acknowledge_silence_judge_and_reset(console: Console) -> None:
    fire(console)
    page = console.page()
    page.click(".row .handle")
    page.fill("[name=name]", "wang")
    page.fill("[name=password]", "correct horse")
    page.click("main button")
    expect(page.locator("h1")).to_have_text("Smoke detector in alarm")

    page.click(".verb.silence button")
    expect(page.locator("#note")).to_contain_text("Silenced")

    page.click(".verb.reset button")
    expect(page.locator("#problem")).to_contain_text("acknowledge it first")

    page.click(".verb.acknowledge button")
    expect(page.locator("#note")).to_contain_text("Acknowledged")
    expect(page.locator("#taken")).to_contain_text("王护工")

    page.check("input[value=false_alarm]")
    page.click(".verb.verdict-form button")
    expect(page.locator("#problem")).to_contain_text("needs its cause")
    assert console.world.home.engine.incidents[console.world.home.incident].verdict is None
    page.check("input[value=false_alarm]")
    page.fill("[name=cause]", "steam")
    page.click(".verb.verdict-form button")
    expect(page.locator("#judged")).to_contain_text("False alarm · steam")

    page.click(".verb.reset button")
    expect(page.locator("#problem")).to_contain_text("still reports the alarm")
    console.say("smoke-1", smoke__alarm=False)
    page.click(".verb.reset button")
    expect(page.locator("#over")).to_contain_text("This incident is over")
    page.goto("/")
    expect(page.locator("#verdict")).to_have_text("All normal")
    verbs = [acted.verb for acted in console.world.home.acted()]
    assert verbs == [Verb.SILENCE, Verb.RESET, Verb.ACKNOWLEDGE, Verb.VERDICT, Verb.RESET, Verb.RESET]


def test_an_untrusted_clear_is_reset_only_after_a_look_on_site(console: Console) -> None:
    console.say("sos-1", sos__alarm=True)
    page = console.logged_in()
    page.goto(f"/home/jinlan/incident/{console.world.home.incident}")
    page.click(".verb.acknowledge button")
    page.click(".verb.reset button")
    expect(page.locator("#problem")).to_be_visible()
    page.check("[name=checked_on_site]")
    page.click(".verb.reset button")
    expect(page.locator("#over")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 360])
def test_an_outcome_with_its_times_by_clicks(console: Console, width: int) -> None:
    console.say("sos-1", sos__alarm=True)
    page = console.logged_in(width=width)
    page.goto(f"/home/jinlan/incident/{console.world.home.incident}")
    page.click(".verb.acknowledge button")
    page.check("input[value=to_hospital]")
    page.click(".verb.verdict-form button")
    expect(page.locator("#problem")).to_contain_text("write down when 120 was called")
    page.check("input[value=to_hospital]")
    page.click("details.times summary")
    page.fill("[name='time.called_120']", "00:01")
    page.click(".verb.verdict-form button")
    expect(page.locator("#judged")).to_contain_text("Taken to hospital")
    expect(page.locator("#judged")).to_contain_text("120 called")
    assert [each.finding for each in console.world.home.acted()][-1] == "to_hospital"
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_the_stage_goes_on_by_itself_and_the_reset_waits_for_the_verdict(console: Console) -> None:
    path = fire(console)
    page = console.logged_in()
    page.goto(path)
    expect(page.locator("#stage")).to_contain_text("no reset before the verdict")
    page.click(".verb.acknowledge button")
    expect(page.locator("#stage")).to_contain_text("the verdict is waited for")
    console.say("smoke-2", smoke__alarm=True)
    expect(page.locator("#spread li")).to_have_count(2)
    expect(page.locator("#stage")).to_contain_text("taken as real")
    console.say("smoke-1", smoke__alarm=False)
    console.say("smoke-2", smoke__alarm=False)
    page.click(".verb.acknowledge button")
    page.click(".verb.reset button")
    expect(page.locator("#problem")).to_contain_text("nobody has said what it was")
    page.check("input[value=real_fire]")
    page.click(".verb.verdict-form button")
    expect(page.locator("#judged")).to_contain_text("Real fire")
    page.click(".verb.reset button")
    expect(page.locator("#over")).to_be_visible()


def test_what_is_being_typed_survives_a_change(console: Console) -> None:
    path = fire(console)
    page = console.logged_in()
    page.goto(path)
    live(page)
    page.fill("[name=cause]", "burnt rice")
    console.say("smoke-2", smoke__alarm=True)
    expect(page.locator(".lines li")).to_have_count(2)
    expect(page.locator("[name=cause]")).to_have_value("burnt rice")


def test_a_lost_connection_covers_the_board_until_it_is_fresh_again(console: Console) -> None:
    page = console.page()
    live(page)
    console.server.stop()
    overlay = page.locator("#overlay")
    expect(overlay).to_be_visible(timeout=9000)
    expect(overlay).to_contain_text("No connection / 连接中断")
    expect(overlay).to_contain_text("since 08:1")
    console.world.home.say("gas-1", gas__alarm=True)
    console.server.start()
    expect(overlay).to_be_hidden(timeout=9000)
    # The cover goes only after the fragment is fresh: the alarm is there in that very moment.
    assert page.locator('[data-count="gas"]').text_content() == "1"
    live(page)


def test_a_beat_without_a_picture_is_not_a_live_board(console: Console) -> None:
    page = console.page()
    live(page)
    page.route("**/*fragment=1*", lambda route: route.abort())
    console.say("smoke-1", smoke__alarm=True)
    expect(page.locator("#overlay")).to_be_visible(timeout=9000)
    page.unroute("**/*fragment=1*")
    expect(page.locator("#overlay")).to_be_hidden(timeout=5000)
    expect(page.locator(".row.fire")).to_be_visible()


def test_a_session_that_is_over_covers_the_board_and_says_so(console: Console) -> None:
    page = console.logged_in()
    page.goto("/home/jinlan/devices")
    live(page)
    page.context.clear_cookies()
    console.say("smoke-1", smoke__alarm=True)
    expect(page.locator("#overlay")).to_contain_text("Logged out", timeout=5000)
    expect(page.locator("#overlay-login")).to_be_visible()


def test_a_device_goes_grey_when_its_time_is_up(console: Console) -> None:
    page = console.logged_in()
    console.server.call(lambda: console.world.clock.advance(LIMIT - timedelta(seconds=4)))
    console.say("smoke-1", battery=80.0)
    page.goto("/home/jinlan/devices")
    live(page)
    page.route("**/*fragment=1*", lambda route: route.abort())
    silent = page.locator('[data-device="smoke-2"]')
    expect(silent).to_have_class("device heard")
    expect(silent).to_have_class("device silent", timeout=5000)
    expect(silent).to_contain_text("silent")
    colours = page.evaluate(
        "['smoke-1', 'smoke-2'].map(id => getComputedStyle(document.querySelector(`[data-device=${id}]`))"
        ".borderLeftColor)"
    )
    assert colours[0] != colours[1]


@pytest.mark.parametrize("lang, other, words", [("zh", "English", "Open alarms"), ("en", "中文", "当前报警")])
def test_the_language_is_switched_and_kept(console: Console, lang: str, other: str, words: str) -> None:
    page = console.page(lang=lang)
    page.click(f"text={other}")
    expect(page.locator("h2").first).to_have_text(words)
    page.goto("/")
    expect(page.locator("h2").first).to_have_text(words)
    assert page.locator("html").get_attribute("lang") == ("en" if lang == "zh" else "zh-CN")


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("width, height", [(360, 740), (1920, 1080)], ids=["phone", "wall"])
def test_every_page_fits_its_screen(console: Console, lang: str, width: int, height: int) -> None:
    path = fire(console)
    console.say("gas-1", gas__alarm=True)
    console.say("meter-1", current__residual=512.0)
    page = console.logged_in(width=width, height=height, lang=lang)
    link = console.world.link("p-wang", path.rpartition("/")[2])
    unknown = console.world.link("p-wang", "jinlan:7:9.i1")
    modes = "/home/jinlan/modes"
    for each in ("/", path, "/home/jinlan/devices", modes, "/health", "/history", "/unregistered", link, unknown):
        page.goto(each)
        assert too_wide(page) <= 0, each
        assert page.evaluate("document.documentElement.scrollWidth") <= width, each


# What leaves its card, and which parts of a row lie over each other: pages that fit may still do both.
LEAVES_ITS_CARD = """[...document.querySelectorAll('.walk-start')].flatMap(card => [...card.querySelectorAll('*')]
  .filter(part => part.getBoundingClientRect().right > card.getBoundingClientRect().right)
  .map(part => card.id + ' ' + part.outerHTML))"""
LIES_OVER = """[...document.querySelectorAll('.row')].flatMap(row => {
  const boxes = [...row.querySelectorAll('.badge, .state, .age, .at, .row-what strong, .handle')].map(part => {
    const range = document.createRange(); range.selectNodeContents(part);
    return [part.className, range.getBoundingClientRect()]; });
  return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([, b]) => a.left < b.right - 1 &&
    b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1).map(([other]) => `${one}, ${other}`)); })"""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_leaves_its_card_or_covers_another_on_a_phone(console: Console, lang: str) -> None:
    fire(console)
    console.say("meter-1", current__residual=512.0)
    console.say("smoke-2", door__open=True)
    page = console.logged_in(width=360, height=740, lang=lang)
    assert page.locator(".row").count() == 3
    assert page.evaluate(LIES_OVER) == []
    page.goto("/home/jinlan/modes")
    assert page.locator(".walk-start").count() == 3
    assert page.evaluate(LEAVES_ITS_CARD) == []


def test_letters_of_the_quality_page_can_be_read_on_a_phone(console: Console) -> None:
    world = console.world
    world.parts = replace(world.parts, quality=Asked(QualityView(quality(), explain=GAPS)))
    console.server.stop()
    served = Served(world, free_port())
    served.start()
    try:
        page = Console(world, served, console.browser, console.contexts).logged_in(width=360, height=740)
        page.goto("/quality")
        heights = page.evaluate(
            "[...document.querySelectorAll('main svg text')].map(t => t.getBoundingClientRect().height).filter(h => h)"
        )
        assert heights
        assert min(heights) >= 12
        expect(page.locator(".sources")).to_contain_text("Smoke 1")
        assert page.locator("form.gap").count() == 2
        assert too_wide(page) <= 0
    finally:
        served.close()


def test_a_phone_acknowledges(console: Console) -> None:
    fire(console)
    page = console.page(width=360, height=740, lang="zh")
    page.goto(console.world.link("p-wang"))
    button = page.locator(".coming")
    expect(button).to_have_text("我来处理")
    box = button.bounding_box()
    assert box is not None
    assert box["width"] >= 300
    assert box["height"] >= 72
    button.click()
    expect(page.locator("#holder")).to_contain_text("您已于")
    expect(page.locator(".coming")).to_have_count(0)
    assert [acted.person for acted in console.world.home.acted()] == ["p-wang"]


def test_a_phone_sees_that_another_took_it(console: Console) -> None:
    fire(console)
    first, second = console.page(width=360, lang="zh"), console.page(width=360, lang="zh")
    second.goto(console.world.link("p-li"))
    expect(second.locator("#holder")).to_have_text("还没有人处理")
    first.goto(console.world.link("p-wang"))
    first.click(".coming")
    expect(second.locator("#holder")).to_contain_text("王护工 已于", timeout=8000)
    expect(second.locator(".coming")).to_have_text("我也去")
    second.click(".coming")
    expect(second.locator("#too")).to_contain_text("王护工 已于")
    expect(second.locator("#problem")).to_have_count(0)


def test_the_button_comes_back_on_an_open_phone_when_a_further_detector_speaks(console: Console) -> None:
    fire(console)
    page = console.page(width=360, height=740, lang="zh")
    page.goto(console.world.link("p-wang"))
    page.click(".coming")
    expect(page.locator("#holder")).to_contain_text("您已于")
    console.say("smoke-2", smoke__alarm=True)
    expect(page.locator(".coming")).to_have_text("我来处理", timeout=8000)
    expect(page.locator("#holder")).to_have_text("还没有人处理")
    expect(page.locator("#note")).to_have_count(0)
    page.click(".coming")
    expect(page.locator("#holder")).to_contain_text("您已于")
    assert len(console.world.home.acted()) == 2


def test_a_choice_and_a_press_outlast_what_is_new(console: Console) -> None:
    fire(console)
    page = console.page(width=360, height=740, lang="zh")
    page.goto(console.world.link("g-night"))
    page.check("input[value=p-li]")
    button = page.locator(".coming").element_handle()
    assert button is not None
    with page.expect_response("**/*fragment=1*"):
        pass
    expect(page.locator("input[value=p-li]")).to_be_checked()
    assert button.is_visible(), "the button is another one: a press under way is lost"
    page.click(".coming")
    expect(page.locator("#holder")).to_contain_text("您已于")
    with page.expect_response("**/*as=p-li*"):
        pass
    expect(page.locator("#holder")).to_contain_text("您已于")
    expect(page.locator(".coming")).to_have_count(0)


def test_a_group_is_asked_who_answers(console: Console) -> None:
    fire(console)
    page = console.page(width=360, height=740, lang="zh")
    page.goto(console.world.link("g-night"))
    page.click(".coming")
    assert console.world.home.acted() == [], "the browser asks for a name first"
    page.check("input[value=p-li]")
    page.click(".coming")
    expect(page.locator("#holder")).to_contain_text("您已于")
    assert [acted.person for acted in console.world.home.acted()] == ["p-li"]


def test_a_phone_whose_line_is_gone_says_so_and_keeps_its_button(console: Console) -> None:
    fire(console)
    page = console.page(width=360, height=740, lang="zh")
    page.goto(console.world.link("p-wang"))
    expect(page.locator("#holder")).to_be_visible()
    page.route("**/*fragment=1*", lambda route: route.abort())
    expect(page.locator("#overlay")).to_be_visible(timeout=13000)
    expect(page.locator(".coming")).to_be_in_viewport()
    page.click(".coming")
    expect(page.locator("#holder")).to_contain_text("您已于")


def test_a_link_fetched_ahead_changes_nothing(console: Console) -> None:
    fire(console)
    link = console.server.address + console.world.link("p-wang")
    before = console.world.home.engine.seq
    for method in ("GET", "HEAD", "OPTIONS"):
        request = urllib.request.Request(link, method=method, headers={"User-Agent": "link preview"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert answer.status == 200
        except urllib.error.HTTPError as refused:
            with refused:
                assert refused.code == 405
    # A previewer that renders the page in a browser of its own, scripts and all.
    page = console.page()
    page.goto(link)
    page.wait_for_timeout(500)
    assert console.world.home.engine.seq == before
