"""The page of supported devices: every codec has a text, what it says is so, and it is current."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices import reading
from devices.catalog import CODECS, PROFILES, VARIANTS, find_profile
from devices.codec import Codec, Packet
from devices.installation import BESIDE_CODECS, INSTALLATIONS
from devices.installation_text import STEPS_MAX, Installation, Words
from gateway.__main__ import cli
from gateway.decode_tool import DecodeTool
from gateway.devices_page import NUMBERED, PAGES, ZONE, duration, page, points_of, site_device, stale, write
from gateway.devices_page_text import PAGE_TEXTS
from gateway.load import ConfigurationFaults, load
from gateway.receive.mqtt import matches
from gateway.receive.push import topic_of
from tests.configuration_world import SITE, changed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = tuple(PAGES)
MAIN = """
data_dir = "state"
sites = ["home-a.toml"]
public_url = "https://alarm.example.org"
secret_file = "link-key"

[[channels]]
name = "phone"
kind = "webhook"
url = "https://hook.example.org/x"

[[brokers]]
name = "box"

"""
HOME = re.sub(
    r"\[\[device\]\].*?(?=\[\[person\]\])", "", changed(SITE, 'id = "ward"', f'id = "{ZONE}"'), flags=re.DOTALL
)
TEXTS = pytest.mark.parametrize("one", INSTALLATIONS.values(), ids=lambda one: one.id)
WITH_EXAMPLE = pytest.mark.parametrize(
    "one", [one for one in INSTALLATIONS.values() if one.example is not None], ids=lambda one: one.id
)


def words_of(one: Installation) -> list[Words]:
    return [one.name, one.covers, *one.steps, *one.traps]


def written(directory: Path, main: str, site: str) -> Path:
    """A configuration with every secret file that it names."""
    (directory / "home-a.toml").write_text(site, "utf-8")
    for name in re.findall(r'^\w+_file = "([^"]+)"', main, re.MULTILINE):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("0123456789abcdef0123456789abcdef\n", "utf-8")
        path.chmod(0o600)
    path = directory / "gateway.toml"
    path.write_text(main, "utf-8")
    return path


def snippets(text: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", text, re.DOTALL)


def halves(snippet: str) -> tuple[str, str]:
    """The part of the main file and the part of the site file."""
    main, found, site = snippet.partition("[[device]]")
    assert found
    return main, found + site


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_has_a_text(codec: str) -> None:
    assert INSTALLATIONS[codec].id == codec


def test_every_text_is_of_a_codec_or_of_a_section() -> None:
    assert set(INSTALLATIONS) == {*CODECS, *BESIDE_CODECS}


@TEXTS
def test_a_text_is_whole_in_both_languages(one: Installation) -> None:
    assert 1 <= len(one.steps) <= STEPS_MAX
    assert one.traps
    for words in words_of(one):
        assert words.zh.strip() and words.en.strip()
        assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"[（(][^)）]*[)）]", "", words.en)) or "null℃" in words.en
        assert "\n" not in words.zh + words.en


@TEXTS
def test_the_kind_and_profile_of_a_text_are_in_the_catalogue(one: Installation) -> None:
    assert find_profile(one.kind, one.profile) is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", range(len(INSTALLATIONS)), ids=list(INSTALLATIONS))
def test_a_snippet_of_the_page_loads(tmp_path: Path, place: int, language: str) -> None:
    found = snippets((DOCS / PAGES[language]).read_text("utf-8"))
    assert len(found) == len(INSTALLATIONS)
    main, device = halves(found[place])
    configuration = load(written(tmp_path, MAIN + main, HOME + device), {})
    one = list(INSTALLATIONS.values())[place]
    assert [(d.source, d.address) for d in configuration.sites[0].devices] == [(one.source, one.address)]
    empty = {"sources[0]", "sources"}
    assert [w for w in configuration.warnings if w.path not in empty] == []


def test_all_snippets_load_together(tmp_path: Path) -> None:
    parts = [halves(snippet) for snippet in snippets((DOCS / "devices.md").read_text("utf-8"))]
    mains, names = "", set()
    for main, _ in parts:
        name = tomllib.loads(main)
        (table,) = next(iter(name.values()))
        if table["name"] not in names:
            mains += main
            names.add(table["name"])
        else:  # HTTP pushes of LoRaWAN beside its MQTT
            mains += main.replace(f'"{table["name"]}"', f'"{table["name"]}-push"')
    devices = "".join(
        re.sub(r'id = "[^"]*"', f'id = "d{number}"', device, count=1) for number, (_, device) in enumerate(parts)
    )
    configuration = load(written(tmp_path, MAIN + mains, HOME + devices), {})
    assert len(configuration.sites[0].devices) == len(INSTALLATIONS)


def codec_of(one: Installation) -> Codec:
    tables: dict[str, Any] = tomllib.loads(one.settings)
    if "pushes" in tables:
        return CODECS[tables["pushes"][0]["codec"]](prefix="")
    source = tables["sources"][0]
    return CODECS[source["codec"]](prefix=source["prefix"]) if "prefix" in source else CODECS[source["codec"]]()


@WITH_EXAMPLE
def test_the_message_to_try_means_what_the_page_says(one: Installation) -> None:
    codec, context, example = codec_of(one), None, one.example
    assert example is not None
    for topic, payload in example.before:
        context = codec.decode(Packet(topic, payload), context).context
    reports = codec.decode(Packet(example.topic, example.payload), context).reports
    readings = {report.device: {r.point: r.value for r in report.readings} for report in reports}
    assert readings[one.address][example.point] == example.value
    if "[[pushes]]" not in one.settings:
        assert any(matches(filter_, example.topic) for filter_ in codec.subscriptions), "the gateway would not hear it"


@pytest.mark.parametrize(
    "one",
    [one for one in INSTALLATIONS.values() if one.example is not None],
    ids=lambda one: one.id,
)
def test_anlian_decode_reads_the_message_without_what_the_home_puts_in_front(one: Installation) -> None:
    """As the page's head promises. Messages that announce other topics by their whole name keep it."""
    example, tool = one.example, DecodeTool()
    assert example is not None
    for topic, payload in example.before:
        tool.decode(topic, payload, retained=True)
    topic = example.topic if example.before else example.topic.removeprefix("h/home-a/")
    answer = tool.decode("" if topic == "push" else topic, example.payload)
    assert answer.get("readings", {}).get(example.point) == example.value, answer


def test_a_push_of_lorawan_arrives_under_the_topic_that_the_page_shows() -> None:
    example = INSTALLATIONS["pushes"].example
    assert example is not None
    assert topic_of("up", example.payload).rpartition("/device/")[2] == example.topic.rpartition("/device/")[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_current(language: str) -> None:
    text = (DOCS / PAGES[language]).read_text("utf-8")
    assert text == page(language), "run: anlian devices-page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_profile_and_every_point(language: str) -> None:
    before, heading, behind = page(language).partition(PAGE_TEXTS[language]["points"])
    assert heading
    for profile in (*PROFILES.values(), *VARIANTS.values()):
        (row,) = re.findall(rf"^\| `{re.escape(profile.id)}` \|.*$", before, re.MULTILINE)
        assert f"| {duration(profile.silence_limit, language)} |" in row
        assert row.endswith(f"| {profile.grade} |")
        trusted = PAGE_TEXTS[language]["yes" if profile.clears_are_trusted else "no"]
        assert row.split(" | ")[3] == trusted
    for name in (*reading.POINTS, *(f"{family}.#" for family in NUMBERED)):
        assert len(re.findall(rf"^\| `{re.escape(name)}` \|", behind, re.MULTILINE)) == 1


def test_the_families_of_numbered_points_are_all_there() -> None:
    assert set(NUMBERED) == set(reading._NUMBERED)


@pytest.mark.parametrize("codec", CODECS)
def test_the_points_of_a_codec_are_those_of_the_catalogue(codec: str) -> None:
    points = points_of(codec)
    assert len(points) >= 1
    assert [point for point in points if reading.find_point(point) is None] == []


def test_both_languages_have_the_same_words() -> None:
    assert PAGE_TEXTS["en"].keys() == PAGE_TEXTS["zh"].keys()


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    run = CliRunner()
    before = run.invoke(cli, ["devices-page", str(tmp_path), "--check"])
    assert before.exit_code == 1 and "anlian devices-page" in before.output
    assert stale(tmp_path) and not list(tmp_path.iterdir())
    assert run.invoke(cli, ["devices-page", str(tmp_path)]).exit_code == 0
    assert run.invoke(cli, ["devices-page", str(tmp_path), "--check"]).exit_code == 0
    path = tmp_path / "devices.md"
    path.write_text(path.read_text("utf-8") + "by hand\n", "utf-8")
    assert stale(tmp_path) == [path]
    assert write(tmp_path) == [path]


@pytest.mark.parametrize(("name", "target"), [("README.md", "devices.md"), ("README.zh-CN.md", "devices.zh-CN.md")])
def test_the_readme_leads_to_the_page(name: str, target: str) -> None:
    assert f"(docs/{target})" in (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_within_a_page_leads_somewhere(language: str) -> None:
    text = page(language)
    for target in re.findall(r"\]\(#([^)]+)\)", text):
        assert f'<a id="{target}"></a>' in text
    for target in re.findall(r"\]\(([^#)]+\.md)\)", text):
        assert (DOCS / target).is_file()


def test_a_snippet_that_is_wrong_does_not_load(tmp_path: Path) -> None:
    one = INSTALLATIONS["zigbee2mqtt"]
    wrong = changed(one.settings, 'codec = "zigbee2mqtt"', 'codec = "zigbee"')
    with pytest.raises(ConfigurationFaults, match="no codec of this name"):
        load(written(tmp_path, MAIN + wrong, HOME + site_device(one)), {})
