"""A real browser on a real console: chromium, uvicorn on a free port, engines that decide."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.console_world import PASSWORD, Served, World, a_site, a_world, free_port

T = TypeVar("T")


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    browser = playwright_driver.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
    )
    yield browser
    browser.close()


@dataclass
class Console:
    """A served console, and browsers that look at it."""

    world: World
    server: Served
    browser: Browser
    contexts: list[BrowserContext]

    def page(self, width: int = 1280, height: int = 900, lang: str = "en") -> Page:
        """A new browser, with nothing remembered; a fault in a script of ours fails the test."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, base_url=self.server.address)
        context.set_default_timeout(10_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(f"/?lang={lang}")
        return page

    def logged_in(self, **options: object) -> Page:
        page = self.page(**options)  # type: ignore[arg-type]
        page.goto("/login")
        page.fill("[name=name]", "wang")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_selector("#board")
        return page

    def say(self, device: str, **points: object) -> None:
        """A device speaks; the live pages hear of it."""
        self.server.call(lambda: self.world.home.say(device, **points))  # type: ignore[arg-type]

    def begin(self, work: Coroutine[object, object, T]) -> Future[T]:
        """Let the server's loop do something meanwhile."""
        return self.server.begin(work)

    def later(self, work: Coroutine[object, object, T] | Future[T]) -> T:
        """What comes of something that the server's loop does."""
        return (work if isinstance(work, Future) else self.begin(work)).result(60)

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something is so in the server's loop."""

        async def until() -> None:
            async with asyncio.timeout(seconds):
                while not condition():  # noqa: ASYNC110  (no event tells of it)
                    await asyncio.sleep(0.02)

        self.later(until())

    def __post_init__(self) -> None:
        self.faults: list[str] = []


@pytest.fixture
def console(tmp_path: Path, chromium: Browser) -> Iterator[Console]:
    world = a_world(tmp_path, [a_site()], running=True)
    server = Served(world, free_port())
    server.start()
    made = Console(world, server, chromium, [])
    yield made
    for context in made.contexts:
        context.close()
    server.close()
    assert made.faults == []
