"""The app on a phone in a real browser: a call fills the screen, every answer is clear, and a dead line is said."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import BrowserContext, Page, expect

from gateway.deliver.destination import SendResult
from gateway.deliver.live import LiveChannel
from gateway.deliver.quota import Quota
from gateway.deliver.web_push import new_key
from gateway.deliver.wording import compose
from rules.effects import Notify
from rules.inputs import OperatorActed, Outcome, ProcedureTicked, Verb
from tests.browser.conftest import Console

pytestmark = pytest.mark.browser

FIRST_LOAD_MAX = 150 * 1024
"""Bytes over the wire until the app can be used: what a bad mobile link brings in seconds, not minutes."""


class Phone:
    """A browser that is somebody's enrolled phone."""

    def __init__(self, console: Console, person: str = "p-wang", *, lang: str = "en", width: int = 360) -> None:
        self.console = console
        self.person = person
        context = console.browser.new_context(
            viewport={"width": width, "height": 780}, base_url=console.server.address, has_touch=True, locale="en-GB"
        )
        context.set_default_timeout(10_000)
        console.contexts.append(context)
        self.context: BrowserContext = context
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: console.faults.append(str(error)))
        self.lang = lang

    def enrol(self) -> Phone:
        """By the QR code's link, as a person does."""
        code = self.console.later(self.console.world.reach.phones.invite(self.person, ("jinlan",), "p-chen"))
        self.page.goto(f"/app/enrol/{code}?lang={self.lang}")
        self.page.click("button.coming")
        self.page.wait_for_url("**/app")
        return self

    def open(self) -> Phone:
        """The list of tasks, with its line up."""
        self.page.goto("/app")
        self.live()
        return self

    def live(self) -> None:
        expect(self.page.locator("#connection")).to_have_class("connection live")

    def incident(self) -> Phone:
        self.page.goto(f"/app/home/jinlan/incident/{self.console.world.home.incident}")
        self.live()
        return self

    def watching(self) -> None:
        """The gateway knows that the page is in the foreground."""
        lines = self.console.world.reach.lines
        self.console.wait(lambda: lines.is_watching("jinlan", self.person))


@pytest.fixture
def phone(console: Console) -> Iterator[Phone]:
    yield Phone(console).enrol().open()


def fire(console: Console, device: str = "smoke-1") -> str:
    console.say(device, smoke__alarm=True)
    return f"/app/home/jinlan/incident/{console.world.home.incident}"


def a_call(console: Console, person: str = "p-wang", **changes: object) -> Notify:
    """The newest message of the journal, as if it were for the live channel."""
    effects = [effect for entry in console.world.home.journal for effect in entry.effects]
    found = [effect for effect in effects if isinstance(effect, Notify)][-1]
    return replace(found, person=person, channel="live", address="", **changes)


def send(console: Console, call: Notify) -> Future[SendResult]:
    """Hand it to the live channel, in the gateway's loop."""
    world = console.world
    site = world.home.site
    words = lambda each: compose(each, site, "u", "en")  # noqa: E731
    channel = LiveChannel("live", world.reach.lines, words, world.clock, Quota(6000, 0, world.clock))
    return console.begin(channel.send(call, call.message))


# an app that can be installed, small, without a push service


def test_the_first_load_is_small_and_the_worker_is_there(console: Console) -> None:
    phone = Phone(console).enrol()
    transferred: list[int] = []
    devtools = phone.context.new_cdp_session(phone.page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    devtools.on("Network.loadingFinished", lambda event: transferred.append(int(event["encodedDataLength"])))
    phone.open()
    phone.page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    assert 10_000 < sum(transferred) <= FIRST_LOAD_MAX, "everything that the page loaded"
    kept = phone.page.evaluate(
        """async () => {
            const sizes = [];
            for (const name of await caches.keys()) {
                const store = await caches.open(name);
                for (const each of await store.keys())
                    sizes.push((await (await store.match(each)).arrayBuffer()).byteLength);
            }
            return sizes;
        }"""
    )
    assert len(kept) >= 5
    assert sum(transferred) + sum(kept) <= FIRST_LOAD_MAX, "and what its worker fetched beside"


def test_chromium_finds_nothing_that_hinders_an_installation(phone: Phone) -> None:
    phone.page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    devtools = phone.context.new_cdp_session(phone.page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/app/manifest.webmanifest")
    errors = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    hindering = [each["errorId"] for each in errors if each["errorId"] != "in-incognito"]
    assert hindering == []


def test_it_works_without_the_push_api(console: Console) -> None:
    phone = Phone(console)
    phone.context.add_init_script(
        "delete window.PushManager; delete window.Notification; delete navigator.vibrate;"
        "delete Navigator.prototype.serviceWorker; delete Navigator.prototype.wakeLock;"
    )
    console.world.reach.push_key = "BNotUsedHere"
    phone.enrol().open()
    expect(phone.page.locator("#push")).to_be_hidden()
    expect(phone.page.locator("#awake")).to_be_hidden()
    fire(console)
    phone.page.wait_for_url("**/incident/**")
    expect(phone.page.locator("h1")).to_have_text("Smoke detector in alarm")


def test_over_plain_http_what_is_forbidden_is_hidden_and_said(console: Console) -> None:
    console.world.reach.push_key = "BNotUsedHere"
    phone = Phone(console)
    # Chromium takes 127.0.0.1 for safe; another name of this machine is not.
    name = "box.home.test"
    context = phone.context
    context.close()
    browser = console.browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", f"--host-resolver-rules=MAP {name} 127.0.0.1"]
    )
    try:
        page = browser.new_page(viewport={"width": 360, "height": 780})
        code = console.later(console.world.reach.phones.invite("p-wang", ("jinlan",), "p-chen"))
        page.goto(f"http://{name}:{console.server.port}/app/enrol/{code}?lang=en")
        page.click("button.coming")
        page.wait_for_selector("#insecure")
        assert page.evaluate("window.isSecureContext") is False
        for button in ("#push", "#install", "#awake"):
            expect(page.locator(button)).to_be_hidden()
        expect(page.locator("#connection")).to_have_class("connection live")
    finally:
        browser.close()


# a call


def test_a_call_fills_the_screen_and_is_reached_at_once(console: Console, phone: Phone) -> None:
    phone.watching()
    fire(console)
    sending = send(console, a_call(console))
    expect(phone.page.locator("h1")).to_have_text("Smoke detector in alarm", timeout=5000)
    result = console.later(sending)
    assert result.outcome is Outcome.DELIVERED
    assert float(re.findall(r"[\d.]+", result.detail)[0]) < 5
    card = phone.page.locator(".call-card")
    expect(card).to_contain_text("East wing")
    expect(card).to_contain_text("12 beds here; residents: dependent.")
    expect(phone.page.locator("#holder")).to_have_text("Nobody has taken it on yet")
    box = phone.page.locator("button.coming").bounding_box()
    assert box is not None
    assert box["width"] > 300 and box["height"] >= 80


def test_a_call_of_something_less_covers_the_page_until_it_is_looked_at(console: Console, phone: Phone) -> None:
    phone.watching()
    console.say("meter-1", current__residual=900.0)
    sending = send(console, a_call(console))
    cover = phone.page.locator("#call")
    expect(cover).to_be_visible()
    expect(phone.page.locator("#call-title")).to_contain_text("Residual current")
    assert console.later(sending).outcome is Outcome.DELIVERED
    phone.page.keyboard.press("Escape")
    expect(cover).to_be_hidden()


def test_a_page_in_the_background_is_not_reached(console: Console, phone: Phone) -> None:
    phone.watching()
    phone.page.evaluate(
        """() => { Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
        document.dispatchEvent(new Event("visibilitychange")); }"""
    )
    lines = console.world.reach.lines
    console.wait(lambda: not lines.is_watching("jinlan", "p-wang"))
    fire(console)
    result = console.later(send(console, a_call(console)))
    assert (result.outcome, "not in the foreground" in result.detail) == (Outcome.REFUSED, True)


def test_who_touches_the_page_has_read_the_message(console: Console, phone: Phone) -> None:
    phone.watching()
    fire(console)
    call = a_call(console)
    sending = send(console, call)
    phone.page.wait_for_url("**/incident/**")
    console.later(sending)
    assert console.world.reach.said == []
    phone.page.locator("h1").click()
    console.wait(lambda: (call.message, "p-wang", Outcome.READ) in console.world.reach.said)


# buttons


def test_coming_twice_and_two_people(console: Console, phone: Phone) -> None:
    fire(console)
    second = Phone(console, "p-li").enrol()
    second.incident()
    phone.incident()
    phone.page.click("button.coming")
    expect(phone.page.locator("#holder")).to_contain_text("You took it on at")
    expect(phone.page.locator("button.coming")).to_have_count(0)
    expect(second.page.locator("#holder")).to_contain_text("王护工 took it on at", timeout=5000)
    expect(second.page.locator("button.coming")).to_have_text("I'm coming, too")
    second.page.click("button.coming")
    expect(second.page.locator("#too")).to_contain_text("that you are coming, too, is on record")
    expect(phone.page.locator(".coming-list")).to_contain_text("李护工", timeout=5000)


def test_a_stale_page_says_what_is_so_now(console: Console, phone: Phone) -> None:
    fire(console)
    phone.incident()
    phone.context.route("**/incident/**fragment=1*", lambda route: route.abort())  # the page grows old
    target = console.world.home.incident

    def take(person: str) -> None:
        console.world.home.step(
            lambda at: OperatorActed(at=at, person=person, verb=Verb.ACKNOWLEDGE, target=target)
        )

    console.server.call(lambda: take("p-li"))
    phone.page.click("button.coming")
    expect(phone.page.locator("#too")).to_contain_text("李护工 took it on before you")


def test_a_button_after_the_reset_says_that_it_is_over(console: Console, phone: Phone) -> None:
    fire(console)
    phone.incident()
    phone.context.route("**/incident/**fragment=1*", lambda route: route.abort())
    target = console.world.home.incident

    def act(verb: Verb, **more: object) -> None:
        console.world.home.step(
            lambda at: OperatorActed(at=at, person="p-li", verb=verb, target=target, **more)  # type: ignore[arg-type]
        )

    console.server.call(lambda: act(Verb.ACKNOWLEDGE))
    console.server.call(lambda: act(Verb.VERDICT, finding="equipment_fault", cause="x"))
    console.say("smoke-1", smoke__alarm=False)
    console.server.call(lambda: act(Verb.RESET))
    phone.page.click("button.coming")
    expect(phone.page.locator("#over")).to_contain_text("This alarm is over")
    expect(phone.page.locator("button.coming")).to_have_count(0)


def test_support_is_called_and_answered(console: Console, phone: Phone) -> None:
    fire(console)
    phone.incident()
    phone.page.click("button.coming")
    phone.page.click("button.support")
    expect(phone.page.locator("#support")).to_contain_text("You asked for support at")
    second = Phone(console, "p-li").enrol().incident()
    expect(second.page.locator("#support")).to_contain_text("王护工 needs support since")
    second.page.click("button.coming")
    expect(phone.page.locator("#support")).to_have_count(0, timeout=5000)


def test_a_false_alarm_asks_for_its_cause(console: Console, phone: Phone) -> None:
    fire(console)
    phone.incident()
    phone.page.click(".false-alarm summary")
    phone.page.click(".false-alarm button")
    expect(phone.page.locator("#problem")).to_contain_text("Choose or write the cause first")
    phone.page.click(".false-alarm summary")
    phone.page.check("input[value=steam]")
    console.say("smoke-1", battery=90.0)  # something changes meanwhile
    phone.page.wait_for_timeout(400)
    expect(phone.page.locator("input[value=steam]")).to_be_checked()
    phone.page.click(".false-alarm button")
    console.wait(lambda: console.world.home.engine.incidents[console.world.home.incident].verdict is not None)


def test_steps_are_ticked_by_keyboard_and_seen_by_others(console: Console, phone: Phone) -> None:
    fire(console)
    phone.incident()
    step = phone.page.get_by_role("button", name="Done: Smoke detector in alarm: go and look at once.")
    step.focus()
    phone.page.keyboard.press("Enter")
    undo = phone.page.get_by_role("button", name="Not done after all: Smoke detector in alarm: go and look at once.")
    expect(undo).to_be_visible()
    expect(phone.page.locator(".steps .done")).to_contain_text("王护工")
    ticked = [entry.input for entry in console.world.home.journal if isinstance(entry.input, ProcedureTicked)]
    assert [each.person for each in ticked] == ["p-wang"]


def test_a_revoked_phone_is_covered(console: Console, phone: Phone) -> None:
    (mine,) = console.world.reach.phones.of_person("jinlan", "p-wang")
    console.later(console.world.reach.phones.revoke(mine.id))
    expect(phone.page.locator("#overlay")).to_be_visible()
    expect(phone.page.locator("#overlay-login")).to_be_visible(timeout=15_000)


# lines that are bad or gone


def test_without_a_line_it_says_so_and_comes_back(console: Console, phone: Phone) -> None:
    phone.page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    phone.page.reload()
    phone.live()
    console.server.stop()
    expect(phone.page.locator("#overlay")).to_be_visible(timeout=15_000)
    phone.page.reload()
    expect(phone.page.locator("body")).to_contain_text("没有连上网关")
    expect(phone.page.locator("body")).to_contain_text("No connection to the gateway")
    expect(phone.page.locator("a.call")).to_have_attribute("href", "tel:119")
    console.world.parts.closing.clear()
    console.server.start()
    expect(phone.page.locator("#connection")).to_have_class("connection live", timeout=20_000)


def test_a_bad_3g_link_is_enough(console: Console, phone: Phone) -> None:
    devtools = phone.context.new_cdp_session(phone.page)
    devtools.send("Network.enable")
    # "Slow 3G" of Chromium's developer tools: 400 kbit/s, 400 ms.
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    phone.page.reload()
    phone.live()
    phone.watching()
    fire(console)
    result = send(console, a_call(console))
    expect(phone.page.locator("h1")).to_have_text("Smoke detector in alarm", timeout=10_000)
    assert console.later(result).outcome is Outcome.DELIVERED
    phone.page.click("button.coming")
    expect(phone.page.locator("#holder")).to_contain_text("You took it on at")
    expect(phone.page.locator("#overlay")).to_be_hidden()


# everybody can read and reach it


CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")


def faults_of(page: Page) -> dict[str, list[str]]:
    """What cannot be read, named, seen or hit on a page, by check."""
    found = {name: page.evaluate(f"{CHECKS.strip()}.{name}()") for name in ("contrast", "nameless", "beside", "small")}
    return {name: wrong for name, wrong in found.items() if wrong}


def states(console: Console, phone: Phone) -> Iterator[str]:
    """Leads the phone through the pages of the app in the states that matter, and names each."""
    page = phone.page
    page.goto(f"/app?lang={phone.lang}")
    yield "stranger"
    phone.enrol().open()
    yield "nothing"
    page.goto("about:blank")  # or the list would open the fire by itself
    fire(console)
    phone.incident()
    yield "alarm"
    page.click(".false-alarm summary")
    yield "false"
    page.click("button.coming")
    page.click(".steps button >> nth=0")
    page.click("button.support")
    expect(page.locator("#support")).to_be_visible()
    yield "support"
    console.say("meter-1", current__residual=900.0)
    page.goto("/app")
    page.wait_for_url("**/incident/**")  # the fire is nobody's again: it opens by itself, once
    page.click(".app-bar a")
    page.wait_for_selector(".task.electrical")
    phone.live()
    yield "tasks"
    page.goto("/install")
    yield "install"


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("width", [360, 768, 1920])
def test_every_page_can_be_read_reached_and_fits(console: Console, lang: str, width: int) -> None:
    phone = Phone(console, lang=lang, width=width)
    seen = []
    for name in states(console, phone):
        seen.append(name)
        assert faults_of(phone.page) == {}, name
    assert len(seen) == 7


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("width", [360, 1920])
def test_the_operators_page_of_phones_can_be_read_and_fits(console: Console, lang: str, width: int) -> None:
    Phone(console).enrol()
    page = console.logged_in(width=width, lang=lang)
    page.goto("/home/jinlan/phones")
    page.click(".invite button >> nth=1")
    expect(page.locator("#code")).to_have_text(re.compile(r"^[0-9A-Z]{5}-[0-9A-Z]{5}$"))
    expect(page.locator(".qr svg")).to_be_visible()
    assert {name: wrong for name, wrong in faults_of(page).items() if name != "small"} == {}


# web push, as far as a browser without a push service goes


def test_a_pushed_message_is_shown_and_the_gateway_hears_of_it(console: Console) -> None:
    phone = Phone(console)
    phone.context.grant_permissions(["notifications"], origin=console.server.address)
    phone.enrol().open()
    phone.page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    devtools = phone.context.new_cdp_session(phone.page)
    registered: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registered.extend(each["registrationId"] for each in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    while not registered:
        phone.page.wait_for_timeout(50)
    said = {"message": "m1", "title": "[FIRE] Smoke", "text": "East wing", "home": "jinlan", "incident": "i1"}
    message = {"origin": console.server.address, "registrationId": registered[-1], "data": json.dumps(said)}
    devtools.send("ServiceWorker.deliverPushMessage", message)
    console.wait(lambda: ("m1", "p-wang", Outcome.DELIVERED) in console.world.reach.said)
    shown = phone.page.evaluate(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map((each) => [each.title, each.body, each.tag])"""
    )
    assert shown == [["[FIRE] Smoke", "East wing", "i1"]]


def test_a_push_that_cannot_be_switched_on_is_said(console: Console) -> None:
    # A key of the right form: chromium asks its push service, and there is none.
    console.world.reach.push_key = new_key()[1]
    phone = Phone(console)
    phone.context.grant_permissions(["notifications"], origin=console.server.address)
    phone.enrol().open()
    phone.page.click("#push")
    expect(phone.page.locator("#push")).to_have_text(re.compile("could not be switched on|forbids"))
    assert console.world.reach.phones.of_person("jinlan", "p-wang")[0].push is None
