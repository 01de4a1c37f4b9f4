"""The main file, sites, packs and secrets together: what loads, and every fault with file, place and how to mend it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gateway.load import SHIPPED_PACKS, ConfigurationFaults, examine, kind_defaults, load
from tests.configuration_world import MAIN, RULE, SITE, changed, write


def told(path: Path, environment: dict[str, str] | None = None) -> list[str]:
    """Every fault and warning, without the directory."""
    _, faults = examine(path, environment or {})
    return [re.sub(r" \((device|person) [^)]*\)", "", str(fault).replace(f"{path.parent}/", "")) for fault in faults]


def test_a_whole_configuration_loads_with_absolute_paths_and_the_shipped_packs(tmp_path: Path) -> None:
    configuration = load(write(tmp_path), {})
    assert configuration.warnings == ()
    assert configuration.settings.data_dir == tmp_path / "state"
    assert configuration.settings.sites == (tmp_path / "home-a.toml",)
    assert [site.id for site in configuration.sites] == ["home-a"]
    assert [pack.name for pack in configuration.packs] == list(SHIPPED_PACKS)
    assert len(configuration.rules) == sum(len(pack.rules) for pack in configuration.packs) >= 40
    assert configuration.secrets.signing_key == "0123456789abcdef0123456789abcdef"
    assert configuration.sites[0].devices[0].silence_limit == kind_defaults()["smoke"].silence_limit


def test_the_ruleset_is_named_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path)
    first = load(path, {}).ruleset
    assert load(path, {}).ruleset == first
    (tmp_path / "own.toml").write_text(RULE, "utf-8")
    assert load(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {}).ruleset != first


def test_packs_are_named_or_given_by_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RULE, "utf-8")
    configuration = load(write(tmp_path, 'packs = ["fire", "own.toml"]\n' + MAIN), {})
    assert configuration.settings.packs == (Path("fire"), tmp_path / "own.toml")
    assert [pack.name for pack in configuration.packs] == ["fire", "own.toml"]
    assert configuration.rules[-1].id == "own.cold"


def test_faults_are_raised_all_at_once(tmp_path: Path) -> None:
    main = changed(changed(MAIN, 'codec = "zigbee2mqtt"', 'codec = "zigbee"'), 'kind = "webhook"', 'kind = "pager"')
    (tmp_path / "own.toml").write_text(changed(RULE, "temperature", "temprature"), "utf-8")
    path = write(tmp_path, 'packs = ["own.toml"]\n' + main, changed(SITE, 'zone = "ward"', 'zone = "wart"'))
    with pytest.raises(ConfigurationFaults) as raised:
        load(path, {})
    text = str(raised.value)
    for place in ("sources[1].codec", "channels[1].kind", "device[1].zone", "rule[1].condition.below.point"):
        assert place in text
    assert len(raised.value.faults) == 4


BROKER = 'name = "local"\n'
KIND = 'kind = "webhook"\n'
MAIN_FAULTS = [
    (
        "typo",
        'name = "local"',
        'name = "local"\nhots = "x"',
        "brokers[1].hots: is not an option here. Did you mean 'host'",
    ),
    ("typo-top", "data_dir", "data_dri", "data_dri: is not an option here. Did you mean 'data_dir'"),
    ("missing", 'public_url = "https://alarm.example.org"', "", "public_url: is missing"),
    ("range", 'name = "local"', 'name = "local"\nport = 70000', "brokers[1].port: input should be less than"),
    (
        "broker",
        'broker = "local"',
        'broker = "lokal"',
        "sources[1].broker: unknown broker 'lokal'. Did you mean 'local'?",
    ),
    ("home", 'home = "home-a"', 'home = "home-b"', "sources[1].home: unknown home 'home-b'. Did you mean 'home-a'?"),
    ("wildcard", 'prefix = "zigbee2mqtt"', 'prefix = "z/#"', "sources[1].prefix: 'z/#' has a wildcard"),
    ("slash", 'prefix = "zigbee2mqtt"', 'prefix = "z/"', "sources[1].prefix: 'z/' begins or ends with /"),
    ("codec", 'codec = "zigbee2mqtt"', 'codec = "zigbe"', "sources[1].codec: "),
    ("url", '"https://hook.example.org/x"', '"hook.example.org"', "channels[1].url: 'hook.example.org' is not"),
    ("public", '"https://alarm.example.org"', '"alarm"', "public_url: 'alarm' is not a web address"),
    ("no-secret", '"link-key"', '"link-kee"', "secret_file: link-kee cannot be read: No such file"),
    ("no-sites", '["home-a.toml"]', "[]", "sites: names no home"),
    ("toml", 'name = "local"', 'name = "local', "is not TOML: "),
    ("password", BROKER, BROKER + 'password_file = "link-key"', "brokers[1].username: a password without"),
    ("tls-file", BROKER, BROKER + 'tls = {ca = "ca.pem"}', "brokers[1].tls.ca: ca.pem cannot be read"),
    ("tls-pair", BROKER, BROKER + 'tls = {key = "link-key"}', "brokers[1].tls: certificate and key belong"),
    ("topics", BROKER, BROKER + '[alarm_topics]\nbroker = "x"', "alarm_topics.broker: unknown broker 'x'"),
    (
        "reserved",
        KIND,
        KIND + "per_minute = 5\nreserved_for_danger = 6\n",
        "channels[1].reserved_for_danger: reserves 6 of 5",
    ),
    ("bucket", BROKER, BROKER + '[[influx]]\nmode = "v2"', "influx[1].bucket: mode v2 writes"),
    ("console-tls", BROKER, BROKER + "[console.tls]", "console.tls: a server needs a certificate"),
    ("accounts", BROKER, BROKER + '[console]\naccounts = "a"', "console.accounts: a cannot be read"),
    (
        "same-name",
        BROKER,
        BROKER + '[[brokers]]\nname = "local"\n',
        "brokers[2].name: 'local' is already used by brokers[1]",
    ),
    ("store-name", BROKER, BROKER + '[[influx]]\nname = "phone"', "channels[1].name: 'phone' is a destination already"),
]


@pytest.mark.parametrize(("old", "new", "words"), [pytest.param(*rest, id=name) for name, *rest in MAIN_FAULTS])
def test_a_fault_of_the_main_file_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = write(tmp_path, changed(MAIN, old, new))
    found = told(path)
    assert any(one.startswith(f"gateway.toml: {words}") for one in found), found
    with pytest.raises(ConfigurationFaults):
        load(path, {})


SOURCE = (
    '\n[[sources]]\nname = "second"\nbroker = "{broker}"\nhome = "home-a"\ncodec = "{codec}"\nprefix = "{prefix}"\n'
)
PREFIXES = [
    ("same", "local", "zigbee2mqtt", "zigbee2mqtt", True),
    ("inside", "local", "zigbee2mqtt", "zigbee2mqtt/upstairs", True),
    ("around", "local", "zigbee2mqtt", "zigbee2mqtt-2", False),
    ("other-broker", "second", "zigbee2mqtt", "zigbee2mqtt", False),
    ("native", "local", "native", "anlian/v1/home-a", False),
]


@pytest.mark.parametrize(
    ("broker", "codec", "prefix", "overlaps"), [pytest.param(*rest, id=name) for name, *rest in PREFIXES]
)
def test_prefixes_on_one_broker_may_not_overlap(
    tmp_path: Path, broker: str, codec: str, prefix: str, overlaps: bool
) -> None:
    main = MAIN + '\n[[brokers]]\nname = "second"\n' + SOURCE.format(broker=broker, codec=codec, prefix=prefix)
    found = told(write(tmp_path, main))
    assert (
        any("sources[2].prefix" in one and "overlaps with 'zigbee2mqtt' of sources[1]" in one for one in found)
        == overlaps
    )
    assert bool(found) == overlaps


def test_a_longer_prefix_first_overlaps_too(tmp_path: Path) -> None:
    main = changed(MAIN, 'prefix = "zigbee2mqtt"', 'prefix = "a/b"')
    main += SOURCE.format(broker="local", codec="zigbee2mqtt", prefix="a")
    assert any("overlaps" in one for one in told(write(tmp_path, main)))


NATIVE = [
    ("anlian/v1/home-a", True),
    ("h/home-a/anlian/v1/home-a", True),
    ("anlian/v1", True),
    ("anlian/v1/home-b", False),
    ("zigbee2mqtt", False),
]


@pytest.mark.parametrize(("prefix", "good"), NATIVE, ids=[one[0] for one in NATIVE])
def test_a_native_source_reads_our_own_topics_of_its_own_home(tmp_path: Path, prefix: str, good: bool) -> None:
    main = changed(MAIN, 'codec = "zigbee2mqtt"', 'codec = "native"')
    found = told(write(tmp_path, changed(main, 'prefix = "zigbee2mqtt"', f'prefix = "{prefix}"')))
    assert (found == []) == good, found


def two_homes(second: str, source_home: str = "home-b", prefix: str = "h/home-b/z") -> str:
    main = changed(MAIN, '["home-a.toml"]', f'["home-a.toml", "{second}"]')
    main += SOURCE.format(broker="local", codec="zigbee2mqtt", prefix=prefix)
    return main.replace(
        'name = "second"\nbroker = "local"\nhome = "home-a"',
        f'name = "second"\nbroker = "local"\nhome = "{source_home}"',
    )


def test_two_homes_load(tmp_path: Path) -> None:
    site = SITE.replace("home-a", "home-b").replace('"zigbee"', '"second"')
    (tmp_path / "home-b.toml").write_text(site, "utf-8")
    assert [one.id for one in load(write(tmp_path, two_homes("home-b.toml")), {}).sites] == ["home-a", "home-b"]


def test_a_device_may_not_name_the_source_of_another_home(tmp_path: Path) -> None:
    (tmp_path / "home-b.toml").write_text(SITE.replace("home-a", "home-b"), "utf-8")
    found = told(write(tmp_path, two_homes("home-b.toml")))
    assert any(one.startswith("home-b.toml: device[1].source: unknown source 'zigbee'") for one in found), found


def test_a_prefix_may_not_name_another_home(tmp_path: Path) -> None:
    site = SITE.replace("home-a", "home-b").replace('"zigbee"', '"second"')
    (tmp_path / "home-b.toml").write_text(site, "utf-8")
    found = told(write(tmp_path, two_homes("home-b.toml", prefix="h/home-a/z")))
    assert any("sources[2].prefix: 'h/home-a/z' names another home (home-a)" in one for one in found), found


def test_two_files_may_not_describe_the_same_home(tmp_path: Path) -> None:
    (tmp_path / "again.toml").write_text(SITE, "utf-8")
    found = told(write(tmp_path, changed(MAIN, '["home-a.toml"]', '["home-a.toml", "again.toml"]')))
    assert any(
        one.startswith("again.toml: home.id: home 'home-a' is already described by home-a.toml") for one in found
    )


SITE_FAULTS = [
    (
        "destination",
        'destination = "phone", address = "1"',
        'destination = "pager"',
        "person[1].channels[1].destination",
    ),
    ("timezone", 'id = "home-a"', 'id = "home-a"\ntimezone = "Asia/Shangai"', "home.timezone: unknown time zone"),
    (
        "source",
        'source = "zigbee"',
        'source = "zigbe"',
        "device[1].source: unknown source 'zigbe'. Did you mean 'zigbee'?",
    ),
    ("kind", 'kind = "smoke"', 'kind = "smokes"', "device[1].kind: unknown kind 'smokes'. Did you mean 'smoke'"),
]


@pytest.mark.parametrize(("old", "new", "words"), [pytest.param(*rest, id=name) for name, *rest in SITE_FAULTS])
def test_a_fault_of_a_site_file_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    found = told(write(tmp_path, site=changed(SITE, old, new)))
    assert any(one.startswith(f"home-a.toml: {words}") for one in found), found


def test_a_site_s_faults_are_told_beside_those_of_the_main_file(tmp_path: Path) -> None:
    found = told(
        write(
            tmp_path,
            changed(MAIN, "public_url", "publik_url"),
            changed(SITE, '"ward"\nname = {zh = "感', '"x"\nname = {zh = "感'),
        )
    )
    assert [one.split(": ")[:2] for one in found] == [
        ["gateway.toml", "public_url"],
        ["gateway.toml", "publik_url"],
        ["home-a.toml", "device[1].zone"],
    ]  # fmt: skip


@pytest.mark.parametrize("select", ['zones = ["wart"]', 'devices = ["smoke-2"]', 'kinds = ["smokes"]'])
def test_a_rule_may_only_select_what_exists(tmp_path: Path, select: str) -> None:
    (tmp_path / "own.toml").write_text(changed(RULE, '"supervisory"', f'"supervisory"\nselect = {{{select}}}'))
    found = told(write(tmp_path, 'packs = ["own.toml"]\n' + MAIN))
    assert len(found) == 1 and found[0].startswith("own.toml: own.cold.select."), found


def test_a_rule_s_id_stands_in_one_pack_only(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(changed(RULE, "own.cold", "supervision.battery"), "utf-8")
    found = told(write(tmp_path, 'packs = ["supervision", "own.toml"]\n' + MAIN))
    assert len(found) == 1
    assert "'supervision.battery' already stands in packs/supervision.toml" in found[0]


WARNINGS = [
    (
        "loopback",
        '"https://alarm.example.org"',
        '"http://localhost:8080"',
        "public_url: a phone outside of the home cannot open",
    ),
    (
        "private",
        '"https://alarm.example.org"',
        '"http://192.168.1.2"',
        "public_url: a phone outside of the home cannot open",
    ),
    (
        "plain",
        'name = "local"',
        'name = "local"\nhost = "10.0.0.5"',
        "brokers[1]: the way to 10.0.0.5 is not encrypted",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), [pytest.param(*rest, id=name) for name, *rest in WARNINGS])
def test_what_is_merely_odd_is_a_warning(tmp_path: Path, old: str, new: str, words: str) -> None:
    configuration = load(write(tmp_path, changed(MAIN, old, new)), {})
    assert [fault.warning for fault in configuration.warnings] == [True]
    assert words in str(configuration.warnings[0])


def test_a_secret_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "link-key").chmod(0o644)
    warnings = load(path, {}).warnings
    assert ["can be read by everybody" in str(one) for one in warnings] == [True]
    (tmp_path / "link-key").chmod(0o640)
    assert load(path, {}).warnings == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_secret_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "link-key").chmod(0)
    assert any("secret_file" in one and "Permission denied" in one for one in told(path))


@pytest.mark.parametrize(
    ("content", "words"), [(b"\n", "is empty"), (b"\xff\xfe", "cannot be read")], ids=["empty", "binary"]
)
def test_a_secret_file_that_holds_none_is_a_fault(tmp_path: Path, content: bytes, words: str) -> None:
    path = write(tmp_path)
    (tmp_path / "link-key").write_bytes(content)
    assert any("secret_file" in one and words in one for one in told(path))


def test_the_environment_goes_before_a_secret_file(tmp_path: Path) -> None:
    main = changed(MAIN, 'name = "local"', 'name = "local"\nusername = "gateway"\npassword_file = "link-key"')
    path = write(tmp_path, main)
    assert load(path, {}).secrets.find("broker", "local", "password") == "0123456789abcdef0123456789abcdef"
    secrets = load(path, {"ANLIAN_BROKER_LOCAL_PASSWORD": "geheim"}).secrets
    assert secrets.find("broker", "local", "password") == "geheim"
    assert secrets.find("broker", "other", "password") is None
    assert "geheim" not in repr(secrets)


def test_a_secret_in_the_environment_that_no_setting_uses_is_a_warning(tmp_path: Path) -> None:
    warnings = load(write(tmp_path), {"ANLIAN_BROKER_LOKAL_PASSWORD": "x", "PATH": "y"}).warnings
    assert len(warnings) == 1
    assert "Did you mean 'ANLIAN_BROKER_LOCAL_PASSWORD'" in str(warnings[0])


BODIES = [
    ("latin", "# Ä".encode("latin-1"), "is not UTF-8 (byte 2)"),
    ("deep", b"x = " + b"[" * 5000 + b"]" * 5000, "is nested too deep"),
    ("long", b"#" * (4 * 1024 * 1024 + 1), "is longer than 4194304 bytes"),
]


@pytest.mark.parametrize(("body", "words"), [pytest.param(*rest, id=name) for name, *rest in BODIES])
@pytest.mark.parametrize("name", ["gateway.toml", "home-a.toml"])
def test_a_file_that_cannot_be_read_as_toml_is_told(tmp_path: Path, name: str, body: bytes, words: str) -> None:
    path = write(tmp_path)
    (tmp_path / name).write_bytes(body)
    assert any(one.startswith(f"{name}: {words}") for one in told(path)), told(path)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path, {}).warnings == ()


SHAPES = [
    pytest.param("sites = 3", "sites", id="sites-number"),
    pytest.param('sites = "home-a.toml"', "sites", id="sites-text"),
    pytest.param("sites = [1]", "sites[1]", id="sites-numbers"),
    pytest.param("sources = 3", "sources", id="sources-number"),
    pytest.param("sources = [3]", "sources[1]", id="sources-numbers"),
    pytest.param("sources = [{name = 1}]", "sources[1].name", id="sources-name"),
    pytest.param('channels = [{kind = "ntfy", name = []}]', "channels[1].name", id="channels-name"),
    pytest.param('channels = [{name = "phone"}]', "channels[1].kind", id="channels-kind"),
    pytest.param("channels = [3]", "channels[1]", id="channels-number"),
    pytest.param("packs = [[]]", "packs[1]", id="packs-list"),
]


@pytest.mark.parametrize(("text", "place"), SHAPES)
def test_a_main_file_of_the_wrong_shape_is_told(tmp_path: Path, text: str, place: str) -> None:
    path = write(tmp_path, f'public_url = "https://alarm.example.org"\n{text}\n')
    assert any(one.startswith(f"gateway.toml: {place}: ") for one in told(path)), told(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param('["home-a.toml"]', '["home-x.toml"]', "home-x.toml: cannot be read: No such file", id="site"),
        pytest.param("data_dir", 'packs = ["fires"]\ndata_dir', "fires: cannot be read: No such file", id="pack"),
    ],
)
def test_a_file_that_is_not_there_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    found = told(write(tmp_path, changed(MAIN, old, new)))
    assert any(one.startswith(words) for one in found), found


def test_a_main_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "none.toml") == [
        "none.toml: cannot be read: No such file or directory. Make the file, or mend the path"
    ]


# every fault in one round: what is at fault is left out, and the rest is checked against each other all the same

SECOND = """
[[sources]]
name = "wrong"
broker = "locla"
home = "home-b"
codec = "zigbee2mqtt"
prefix = "other"
"""


def test_a_fault_of_one_table_hides_no_fault_of_another(tmp_path: Path) -> None:
    main = changed(MAIN, 'name = "local"\n', 'name = "local"\nport = "no number"\n') + SECOND
    found = told(write(tmp_path, main))
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == [
        "brokers[1].port",
        "sources[2].broker",
        "sources[2].home",
    ], found


def test_what_follows_from_a_table_at_fault_is_not_told(tmp_path: Path) -> None:
    """A source needs its codec: without it the table is left out, and nobody misses it."""
    main = changed(MAIN, 'codec = "zigbee2mqtt"\n', "") + SECOND
    found = told(write(tmp_path, main))
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == [
        "sources[1].codec",
        "sources[2].broker",
        "sources[2].home",
    ], found


def test_a_broker_at_fault_is_not_called_unknown_by_its_sources(tmp_path: Path) -> None:
    main = changed(MAIN, '[[brokers]]\nname = "local"\n', '[[brokers]]\nname = "local"\ntls = "yes"\nhost = ["x"]\n')
    found = told(write(tmp_path, main + SECOND))
    assert not [line for line in found if "unknown broker 'local'" in line], found
    assert [line for line in found if "unknown broker 'locla'" in line], found


def test_a_channel_at_fault_is_not_called_unknown_by_the_auditor(tmp_path: Path) -> None:
    main = changed(MAIN, 'url = "https://hook.example.org/x"\n', "")
    audit = '\n[audit]\ncalls = [{channel = "phone"}, {channel = "fone"}]\n'
    found = told(write(tmp_path, main + audit))
    assert any("channels[1].url" in line for line in found), found
    assert [line for line in found if "unknown channel" in line and "'fone'" in line], found
    assert not [line for line in found if "unknown channel 'phone'" in line], found


def test_an_option_that_a_table_needs_takes_the_table_along(tmp_path: Path) -> None:
    found = told(write(tmp_path, changed(MAIN, 'broker = "local"', "broker = 5") + SECOND))
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == [
        "sources[1].broker",
        "sources[2].broker",
        "sources[2].home",
    ], found


def test_an_option_at_fault_beside_tables_hides_none_of_theirs(tmp_path: Path) -> None:
    found = told(write(tmp_path, 'group_ms = "soon"\n' + MAIN + SECOND))
    assert any("group_ms" in line for line in found) and any("sources[2].broker" in line for line in found), found


def test_a_main_file_without_its_homes_is_told_and_nothing_breaks(tmp_path: Path) -> None:
    found = told(write(tmp_path, changed(MAIN, 'sites = ["home-a.toml"]\n', "")))
    assert any("sites" in line and "is missing" in line for line in found), found
