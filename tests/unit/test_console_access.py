"""Who may see and do what: accounts, sessions, throttling, forms from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from gateway.accounts_file import account_faults
from gateway.console.access import IDLE_MAX, SECRET_BYTES_MIN, Throttle
from gateway.console.accounts import AccountBook, AccountsError, hash_password, load_accounts, password_fits
from gateway.console.texts import WORDS
from tests.console_world import HASH, PASSWORD, Browser, ShiftableClock, World, a_site, a_world, accounts_file

BOTH = ("/", "/home/jinlan", "/health.json", "/metrics")
LOGGED_IN = ("/home/jinlan/devices", "/unregistered", "/health", "/history", "/home/jinlan/incident/x")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path, [a_site(), a_site("dajing")])


@pytest.mark.parametrize("path", BOTH)
async def test_the_board_is_shown_on_the_box_itself_without_a_log_in(world: World, path: str) -> None:
    assert (await Browser(world.build()).get(path)).status == 200


@pytest.mark.parametrize("path", LOGGED_IN)
async def test_the_rest_asks_for_a_log_in(world: World, path: str) -> None:
    answer = await Browser(world.build()).get(path)
    assert answer.status == 303
    assert answer.header("location").startswith("/login?next=%2F")


STRANGERS = {
    "another machine": {"address": "192.0.2.7"},
    "another machine, claiming our name": {"address": "192.0.2.7", "host": "localhost"},
    "a name that an outsider points at us": {"host": "evil.example"},
    "another name of the machine": {"host": "box.lan:8080"},
    "no address at all": {"address": ""},
}


@pytest.mark.parametrize("path", BOTH + LOGGED_IN + ("/events",))
@pytest.mark.parametrize("where", STRANGERS.values(), ids=STRANGERS.keys())
async def test_nothing_is_shown_to_others_without_a_log_in(world: World, where: dict[str, str], path: str) -> None:
    answer = await Browser(world.build(), **where).get(path)
    assert answer.status in (303, 401)
    assert "敬老院" not in answer.text


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip"])
async def test_what_came_through_a_proxy_is_not_local(world: World, header: str) -> None:
    assert (await Browser(world.build()).get("/", **{header: "127.0.0.1"})).status == 303


@pytest.mark.parametrize("path", ["/?fragment=1", "/events", "/health/?fragment"])
async def test_live_parts_are_refused_not_redirected(world: World, path: str) -> None:
    answer = await Browser(world.build(), address="192.0.2.7").get(path)
    assert answer.status in (401, 307)


async def test_a_log_in_opens_the_rest_from_anywhere(world: World) -> None:
    browser = Browser(world.build(), address="192.0.2.7", host="box.lan")
    assert (await browser.log_in()).status == 303
    for path in (*BOTH, *LOGGED_IN[:-1]):
        assert (await browser.get(path)).status == 200


@pytest.mark.parametrize("scheme, secure", [("http", False), ("https", True)], ids=["plain", "tls"])
async def test_the_session_cookie_is_closed_to_scripts_and_other_sites(world: World, scheme: str, secure: bool) -> None:
    answer = await Browser(world.build(), scheme=scheme).log_in()
    cookie = answer.header("set-cookie").lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ("secure" in cookie) is secure


@pytest.mark.parametrize(
    "name, password",
    [("wang", "wrong"), ("nobody", PASSWORD), ("", ""), ("wang", ""), ("wang", "x" * 300), ("guest ", "no")],
)
async def test_a_wrong_log_in_opens_nothing(world: World, name: str, password: str) -> None:
    browser = Browser(world.build(), address="192.0.2.7")
    answer = await browser.log_in(name, password)
    assert answer.status == 403
    assert "anlian_session" not in browser.cookies
    assert (await browser.get("/")).status == 303


async def test_the_sixth_try_waits_and_the_right_password_does_not_help(world: World) -> None:
    browser = Browser(world.build())
    for _ in range(Throttle.PAIR_MAX):
        assert (await browser.log_in(password="wrong")).status == 403
    answer = await browser.log_in()
    assert answer.status == 429
    assert 0 < int(answer.header("retry-after")) <= 301
    world.clock.advance(Throttle.WINDOW + timedelta(seconds=1))
    assert (await browser.log_in()).status == 303


@pytest.mark.parametrize(("language", "words"), [("zh", "账号没有被锁"), ("en", "the account is not locked")])
async def test_a_lock_out_says_what_holds_and_how_long(world: World, language: str, words: str) -> None:
    browser = Browser(world.build())
    browser.cookies["anlian_language"] = language
    for _ in range(Throttle.PAIR_MAX):
        await browser.log_in(password="wrong")
    world.clock.advance(Throttle.WINDOW - timedelta(seconds=40))
    answer = await browser.log_in()
    assert answer.status == 429 and words in answer.text
    assert re.search(r"(3[89]|4[01]) ?(秒|s)", answer.text), "how long it lasts"


@pytest.mark.parametrize(
    ("held", "count", "english"),
    [
        ("pair", Throttle.PAIR_MAX, "from here"),
        ("address", Throttle.ADDRESS_MAX, "another device or network"),
        ("account", Throttle.ACCOUNT_MAX, "somebody may be guessing"),
    ],
)
def test_what_holds_a_log_in_is_told_apart(held: str, count: int, english: str) -> None:
    throttle = Throttle(ShiftableClock())
    for number in range(count):
        assert throttle.held_by("192.0.2.7", "wang") == (timedelta(0), "")
        address = f"198.51.100.{number}" if held == "account" else "192.0.2.7"
        throttle.failed(address, f"a{number}" if held == "address" else "wang")
    assert throttle.held_by("192.0.2.7", "wang") == (Throttle.WINDOW, held)
    assert english in WORDS["en"](f"login.wait_{held}", age="1 s")


async def test_a_stranger_who_fails_does_not_lock_the_person_out(world: World) -> None:
    app = world.build()
    stranger = Browser(app, address="192.0.2.7")
    for _ in range(Throttle.PAIR_MAX + 2):
        await stranger.log_in(password="wrong")
    assert (await Browser(app, address="192.0.2.8").log_in()).status == 303


def test_an_address_that_tries_many_accounts_waits() -> None:
    throttle = Throttle(ShiftableClock())
    for number in range(Throttle.ADDRESS_MAX):
        assert not throttle.wait_for("192.0.2.7", f"a{number}")
        throttle.failed("192.0.2.7", f"a{number}")
    assert throttle.wait_for("192.0.2.7", "another")
    assert not throttle.wait_for("192.0.2.8", "another")


def test_an_account_that_many_addresses_try_waits() -> None:
    throttle = Throttle(ShiftableClock())
    for number in range(Throttle.ACCOUNT_MAX):
        throttle.failed(f"192.0.2.{number}", "wang")
    assert throttle.wait_for("198.51.100.1", "wang")
    assert not throttle.wait_for("198.51.100.1", "li")


def test_the_throttle_remembers_a_bounded_number() -> None:
    throttle = Throttle(ShiftableClock())
    for number in range(Throttle.KEYS_MAX):
        throttle.failed(f"address {number}", f"account {number}")
    assert len(throttle._failures) <= Throttle.KEYS_MAX


async def logged_in(world: World) -> Browser:
    browser = Browser(world.build(), address="192.0.2.7")
    assert (await browser.log_in()).status == 303
    return browser


async def test_a_session_ends_after_12_hours_without_an_action(world: World) -> None:
    browser = await logged_in(world)
    world.clock.advance(IDLE_MAX)
    assert (await browser.get("/health.json")).status in (200, 503)
    kept = dict(browser.cookies)
    world.clock.advance(IDLE_MAX + timedelta(seconds=1))
    assert (await browser.get("/")).status == 303
    assert kept


async def test_a_visit_keeps_a_session_alive(world: World) -> None:
    browser = await logged_in(world)
    for _ in range(3):
        world.clock.advance(timedelta(hours=8))
        assert (await browser.get("/")).status == 200


@pytest.mark.parametrize("name, stays", [("wang", False), ("guest", True)])
async def test_a_page_that_refreshes_itself_keeps_only_a_viewer_alive(world: World, name: str, stays: bool) -> None:
    browser = Browser(world.build(), address="192.0.2.7")
    await browser.log_in(name)
    for _ in range(3):
        world.clock.advance(timedelta(hours=8))
        answer = await browser.get("/?fragment=1")
    assert (answer.status == 200) is stays


async def test_a_log_out_ends_the_session_wherever_its_cookie_is(world: World) -> None:
    browser = await logged_in(world)
    copied = dict(browser.cookies)
    assert (await browser.post("/logout", {"csrf": await browser.csrf()})).status == 303
    browser.cookies = copied
    assert (await browser.get("/")).status == 303


async def test_a_forged_cookie_is_nobody(world: World) -> None:
    browser = await logged_in(world)
    good = browser.cookies["anlian_session"]
    said, _, signature = good.rpartition(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    for cookie in (f"{said}.{other}", f"A{good}", said, "x", "." * 50):
        browser.cookies["anlian_session"] = cookie
        assert (await browser.get("/")).status == 303


async def test_a_changed_password_ends_the_sessions_of_the_old_one(world: World) -> None:
    browser = await logged_in(world)
    path = world.parts.accounts
    assert path is not None
    path.write_text(path.read_text(encoding="utf-8").replace(HASH, hash_password("another password")) + "\n", "utf-8")
    assert (await browser.get("/")).status == 303


async def test_a_broken_accounts_file_leaves_the_last_good_one(world: World) -> None:
    browser = await logged_in(world)
    path = world.parts.accounts
    assert path is not None
    path.write_text("[[account", encoding="utf-8")
    assert (await browser.get("/")).status == 200


async def test_homes_outside_the_scope_do_not_exist(world: World) -> None:
    browser = Browser(world.build(), address="192.0.2.7")
    await browser.log_in("guest")
    page = await browser.get("/?lang=zh")
    assert "九九金兰敬老院" in page.text
    assert "大荆敬老院" not in page.text
    for path in ("/home/dajing", "/home/dajing/devices", "/home/dajing/incident/x", "/home/nowhere"):
        assert (await browser.get(path)).status == 404
    assert "大荆" not in (await browser.get("/history?home=dajing")).text


def test_a_short_secret_is_refused(world: World) -> None:
    short = type(world.parts)(
        **{name: getattr(world.parts, name) for name in type(world.parts).__dataclass_fields__ if name != "secret"},
        secret=b"x" * (SECRET_BYTES_MIN - 1),
    )
    with pytest.raises(ValueError, match="secret has 15 bytes"):
        from gateway.console.routes import build

        build(short)


FOREIGN = {
    "no token": ({}, {}),
    "a wrong token": ({"csrf": "0" * 64}, {}),
    "a token with text": ({"csrf": "é"}, {}),
    "a page of another site": ({"csrf": "right"}, {"origin": "https://evil.example"}),
    "a sandboxed page": ({"csrf": "right"}, {"origin": "null"}),
    "cross-site by the browser's word": ({"csrf": "right"}, {"sec-fetch-site": "cross-site"}),
    "another name of this site": ({"csrf": "right"}, {"sec-fetch-site": "same-site"}),
}


@pytest.mark.parametrize("form, headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_form_that_did_not_come_from_our_page_changes_nothing(
    world: World, form: dict[str, str], headers: dict[str, str]
) -> None:
    browser = await logged_in(world)
    world.home.say("smoke-1", smoke__alarm=True)
    form = {**form, "csrf": await browser.csrf()} if form.get("csrf") == "right" else form
    path = f"/home/jinlan/incident/{world.home.incident}/acknowledge"
    for target in (path, "/logout"):
        assert (await browser.post(target, form, **headers)).status == 403
    assert world.home.acted() == []
    assert (await browser.get("/")).status == 200


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_nobody_is_logged_in_by_another_site(world: World, headers: dict[str, str]) -> None:
    browser = Browser(world.build())
    form = {"name": "wang", "password": PASSWORD}
    assert (await browser.post("/login", form, **headers)).status == 403
    assert browser.cookies == {}


@pytest.mark.parametrize(
    "wished, reached",
    [
        ("/history", "/history"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\tevil", "/"),
        ("", "/"),
    ],
)
async def test_a_log_in_leads_to_a_page_of_ours(world: World, wished: str, reached: str) -> None:
    answer = await Browser(world.build()).post("/login", {"name": "wang", "password": PASSWORD, "next": wished})
    assert answer.header("location") == reached


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/live.js", "/i/broken", "/metrics"])
async def test_every_answer_carries_the_security_headers(world: World, path: str) -> None:
    answer = await Browser(world.build()).get(path)
    policy = answer.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control") == ("no-cache" if path.startswith("/static/") else "no-store")


@pytest.mark.parametrize("path", ["/", "/login", "/home/jinlan/devices", "/history", "/health"])
async def test_pages_hold_nothing_that_the_policy_forbids(world: World, path: str) -> None:
    browser = await logged_in(world)
    text = (await browser.get(path)).text
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "http://" not in text and "https://" not in text


@pytest.mark.parametrize("size, status", [(16 * 1024 - 200, 403), (17 * 1024, 413)])
async def test_a_form_is_bounded(world: World, size: int, status: int) -> None:
    answer = await Browser(world.build()).post("/login", {"name": "wang", "password": "x" * size})
    assert answer.status == status


async def test_a_form_of_many_fields_is_refused(world: World) -> None:
    answer = await Browser(world.build()).post("/login", {f"f{number}": "" for number in range(40)})
    assert answer.status == 413


FAULTY = {
    "not TOML": ("[[account", "not TOML"),
    "no hash": ('[[account]]\nname = "a"\n', "account.0.password_hash"),
    "a plain password": ('[[account]]\nname = "a"\npassword_hash = "secret"\n', "account.0.password_hash"),
    "half a hash": ('[[account]]\nname = "a"\npassword_hash = "$argon2id$v=19"\n', "account hash"),
    "an unknown role": (f'[[account]]\nname = "a"\npassword_hash = "{HASH}"\nroles = ["god"]\n', "account.0.roles.0"),
    "an unknown key": (f'[[account]]\nname = "a"\npassword_hash = "{HASH}"\nhome = "x"\n', "account.0.home"),
    "a bad name": (f'[[account]]\nname = "A b"\npassword_hash = "{HASH}"\n', "account.0.name"),
    "a name twice": (f'[[account]]\nname = "a"\npassword_hash = "{HASH}"\n' * 2, "'a' stands there twice"),
}


@pytest.mark.parametrize("text, words", FAULTY.values(), ids=FAULTY.keys())
def test_a_faulty_accounts_file_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AccountsError) as caught:
        load_accounts(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_accounts_file_closes_the_log_in_and_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "none.toml"
    book = AccountBook(path, told.append)
    assert book.empty
    assert "cannot be read" in told[0]
    accounts_file(tmp_path).rename(path)
    assert book.find("wang") is not None
    assert told[1:] == [""]


async def test_a_fault_of_the_accounts_does_not_keep_the_board_away(world: World) -> None:
    path = world.parts.accounts
    assert path is not None
    path.write_text('[[account]]\nname = "a"\npassword_hash = "plain"\n', encoding="utf-8")
    browser = Browser(world.build())
    assert (await browser.get("/")).status == 200
    assert "账号文件有错，登录已关闭" in (await browser.get("/login")).text
    assert (await browser.log_in()).status == 403


PEOPLE = {"home-a": ["p-wang"], "home-b": ["p-li"]}
STRANGE = {
    "unknown home": ('homes = ["home-c"]', ["account a.homes: unknown home 'home-c'", "home-a"]),
    "unknown person": ('homes = ["*"]\nperson = "p-wong"', ["account a.person: unknown person 'p-wong'", "p-wang"]),
    "person of another home": ('homes = ["home-a"]\nperson = "p-li"', ["unknown person 'p-li'"]),
}


@pytest.mark.parametrize("rest, words", STRANGE.values(), ids=STRANGE.keys())
def test_what_no_home_knows_is_a_fault(tmp_path: Path, rest: str, words: list[str]) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(f'[[account]]\nname = "a"\npassword_hash = "{HASH}"\n{rest}\n', encoding="utf-8")
    (fault,) = account_faults(path, PEOPLE)
    for each in words:
        assert each in str(fault)


def test_every_fault_of_the_accounts_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text("".join(text for text, _ in list(FAULTY.values())[2:5]), encoding="utf-8")
    faults = account_faults(path, PEOPLE)
    assert len(faults) == 3
    assert all(fault.mend and fault.file == str(path) for fault in faults)


def test_good_accounts_have_no_fault(tmp_path: Path) -> None:
    assert account_faults(accounts_file(tmp_path), {"jinlan": ["p-wang"]}) == []


def test_without_a_file_nobody_can_log_in() -> None:
    book = AccountBook(None)
    assert book.empty
    assert book.find("wang") is None
    assert not password_fits(None, "nobody has this account")


def test_the_hash_on_the_command_line_fits_its_password() -> None:
    command = [sys.executable, "-m", "gateway.console.accounts", "hash"]
    done = subprocess.run(command, input=PASSWORD + "\n", capture_output=True, text=True, check=True, timeout=60)
    assert PasswordHasher().verify(done.stdout.strip(), PASSWORD)
    short = subprocess.run(command, input="short\n", capture_output=True, text=True, check=False, timeout=60)
    assert short.returncode == 1
    assert "8 to 256 characters" in short.stderr
