"""The tree is kept tidy by machine: sizes, names, doors, documents that say what is so."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 400
FUNCTION_MAX = {"dashboards": 80}
"""A dashboard's rows are tables of data; elsewhere a function has at most 60 lines."""
BANNED = {"manager", "helper", "util", "utils", "common", "misc", "handler", "processor", "alert", "tmp"}
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\n")
FILES = [name for name in TRACKED if name and (ROOT / name).is_file()]
MODULES = [name for name in FILES if name.endswith(".py")]
SHIPPED = [name for name in MODULES if not name.startswith("tests/")]
DOORS = {
    "gmqtt": {"gateway/mqtt.py", "gateway/mqtt_probe.py"},
    "paho": {"gateway/publish.py"},
    "aiomqtt": {"gateway/demo.py"},
    "aiohttp": {"gateway/http.py", "gateway/deliver/influx_post.py"},
    "aiosmtplib": {"gateway/deliver/mail.py"},
    "apprise": {"gateway/deliver/apprise_channel.py"},
    "sqlite3": "gateway/record/",
    "segno": {"gateway/console/qr.py"},
    "PIL": {"gateway/console/installing.py"},
    "pywebpush": {"gateway/deliver/web_push.py"},
    "py_vapid": {"gateway/deliver/web_push.py"},
    "influxdb_client": {"gateway/deliver/influx_post.py"},
    "starlette": ("gateway/console/", "gateway/demo.py", "gateway/app.py", "gateway/receive/push.py", "gateway/web.py"),
    "uvicorn": {"gateway/web.py", "gateway/demo.py"},
    "argon2": ("gateway/console/", "gateway/accounts_file.py"),
    "cryptography": {"gateway/record/seal.py"},
    "icalendar": {"gateway/roster_calendar.py"},
    "weasyprint": {"gateway/console/sheet_pdf.py"},
    "time": {"gateway/clock.py"},
}


def tree_of(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_module_is_short_and_says_what_it_is(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_MAX
    tree = tree_of(name)
    if tree.body:
        assert ast.get_docstring(tree), "a module's first line says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = FUNCTION_MAX.get(name.partition("/")[0], 60)
            assert (node.end_lineno or 0) - node.lineno < limit, f"{node.name} is too long"
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", node.name).lower())
            assert not BANNED & set(words), f"{node.name}: the field has a better word"


@pytest.mark.parametrize("name", SHIPPED)
def test_each_library_has_one_door(name: str) -> None:
    for node in ast.walk(tree_of(name)):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
        for imported in names:
            doors = DOORS.get(imported.partition(".")[0])
            if doors is None:
                continue
            inside = name in doors if isinstance(doors, set) else name.startswith(doors)
            assert inside, f"{imported} belongs behind {doors}"


TEXTS = [name for name in FILES if Path(name).suffix in {".py", ".md", ".toml", ".sh", ".conf"}]


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_bears_no_trace_of_a_machine_and_no_reminder(name: str) -> None:
    if name == "tests/unit/test_tidy.py":
        return
    text = (ROOT / name).read_text(encoding="utf-8")
    # A pattern is put together here so that this file does not bear it itself.
    for trace in ("/" + "work/", "/" + "root/", "pypi" + ".org", "TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"):
        assert trace not in text


def test_every_dependency_is_explained_in_the_readme() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = [re.match(r"[A-Za-z0-9-]+", line)[0] for line in project["dependencies"]]  # type: ignore[index]
    assert [name for name in wanted if f"**{name}**" not in readme] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_command_of_a_readme_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = subprocess.run(
        [str(Path(__import__("sys").executable)), "-m", "gateway", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]
    assert len(commands) >= 5
    for command in commands:
        words = command.split("#")[0].split()
        if words[0] == "make":
            assert words[1] in targets, command
        elif words[0].endswith("anlian"):
            assert f" {words[1]} " in listed, command
        else:
            assert words[0] in {"sudo", "git", "cd", "mosquitto_sub", "curl", "openssl", "cp", "sh", "anlian"}, command


def test_both_readmes_name_the_same_commands() -> None:
    found = []
    for name in ("README.md", "README.zh-CN.md"):
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
        found.append([line for line in lines if line])
    assert found[0] == found[1]


def test_ci_does_what_the_readme_says() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert [line for line in script.splitlines() if line.startswith("exec")] == ["exec make test"]
    assert "make test" in (ROOT / "README.md").read_text()
