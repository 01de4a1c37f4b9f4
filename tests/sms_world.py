"""The real gammu-smsd with its dummy modem, and what the network would do: reports and replies that come in."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from gateway.channel_settings import SPOOL_FOLDERS
from tests.servers import wait_until

SMSDRC = """
[gammu]
device = {folder}/modem
connection = none
model = dummy

[smsd]
service = files
inboxpath = {folder}/spool/inbox/
outboxpath = {folder}/spool/outbox/
sentsmspath = {folder}/spool/sent/
errorsmspath = {folder}/spool/error/
inboxformat = detail
outboxformat = detail
transmitformat = unicode
deliveryreport = sms
commtimeout = 1
receivefrequency = 1
statusfrequency = 1
loopsleep = 1
debuglevel = 1
logfile = {folder}/smsd.log
"""


def make_spool(folder: Path) -> Path:
    """The folders of a spool."""
    for name in SPOOL_FOLDERS:
        (folder / "spool" / name).mkdir(parents=True)
    return folder / "spool"


class GammuSmsd:
    """The daemon with a dummy modem, whose messages are files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.spool = make_spool(folder)
        (folder / "modem").mkdir()
        self.smsdrc = folder / "smsdrc"
        self.smsdrc.write_text(SMSDRC.format(folder=folder))
        self.pid_file = folder / "smsd.pid"
        self.process: subprocess.Popen[bytes] | None = None
        self._came = 0

    def start(self) -> GammuSmsd:
        binary = shutil.which("gammu-smsd") or "/usr/bin/gammu-smsd"
        self.process = subprocess.Popen(
            [binary, "-c", str(self.smsdrc), "-p", str(self.pid_file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: (self._folder / "modem" / "sms" / "5").is_dir(), what="gammu-smsd has found its modem")
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(15)
            self.process = None

    def report(self, number: str, reference: int, words: str = "Delivered") -> None:
        """The network says what became of a message."""
        self._arrive("Status_Report", number, words, reference)

    def reply(self, number: str, text: str) -> None:
        """Somebody sends a message to the modem."""
        self._arrive("Deliver", number, text, 0)

    def _arrive(self, pdu: str, number: str, text: str, reference: int) -> None:
        self._came += 1
        digits = text.encode("utf-16-be").hex().upper()
        lines = (
            "[SMSBackup000]",
            f"PDU = {pdu}",
            f'Number = "{number}"',
            "DateTime = 20261122T211300",
            "State = UnRead",
            f"Text00 = {digits}",
            "Coding = Unicode_No_Compression",
            f"MessageReference = {reference}",
            "",
        )
        inbox = self._folder / "modem" / "sms" / "1"
        hidden = inbox / f".{self._came}"
        hidden.write_text("\n".join(lines))
        hidden.rename(inbox / str(self._came))


def texts_in(folder: Path) -> list[str]:
    """The texts of the messages in a folder, in the order of their names."""
    return [text_of(path) for path in sorted(folder.glob("OUT*"))]


def text_of(path: Path) -> str:
    """What a phone shows of a message."""
    body = path.read_bytes()
    # Behind the first reference of a sent message gammu leaves the file a second time.
    sections = body.decode("ascii").split("[SMSBackup")
    whole: dict[str, str] = {}
    for section in sections[1:]:
        lines = [line for line in section.splitlines() if line.startswith("Text")]
        whole.setdefault(section[:3], "".join(line.partition(" = ")[2] for line in lines))
    return "".join(bytes.fromhex(digits).decode("utf-16-be") for digits in whole.values())


