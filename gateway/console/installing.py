"""What makes the pages of /app an app: manifest, worker, icons, the page without a line; and how to trust our CA."""

from __future__ import annotations

import hashlib
import io
import ssl
from functools import lru_cache
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.console.parts import ConsoleParts
from gateway.console.qr import qr_code
from gateway.console.render import HERE, Pages, Visit

ICON_SIZES = (180, 192, 512)
"""180: the home screen of iOS. 192 and 512: what browsers ask of an app before they offer to install it."""
_CA_MAX = 64 * 1024
_RED, _WHITE = "#c8321e", "#ffffff"
_CACHED = ("console.css", "app.css", "live.js", "app.js", "icon.svg")


class InstallPages:
    """The files that a browser asks for around the app. None of them is secret."""

    def __init__(self, parts: ConsoleParts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def manifest(self, visit: Visit) -> Response:
        """The app as the phone lists it."""
        words = visit.words
        icons = [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}]
        for size in ICON_SIZES[1:]:
            each = {"src": f"/app/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
            icons += [{**each, "purpose": "any"}, {**each, "purpose": "maskable"}]
        document = {
            "id": "/app",
            "name": words("name.long"),
            "short_name": words("name"),
            "lang": "zh-CN" if words.language == "zh" else "en",
            "start_url": "/app",
            "scope": "/app",
            "display": "standalone",
            "orientation": "portrait",
            "background_color": "#0d1117",
            "theme_color": "#0d1117",
            "icons": icons,
        }
        return Response(msgspec.json.encode(document), media_type="application/manifest+json")

    async def worker(self, visit: Visit) -> Response:
        """The service worker; a changed file makes a new one, and with it a new store."""
        text = self._pages.text("worker.js", visit, store=f"anlian-{_digest()}", files=_CACHED)
        headers = {"service-worker-allowed": "/app"}
        return Response(text, media_type="text/javascript", headers=headers)

    async def offline(self, visit: Visit) -> Response:
        """What the app shows without a line. It knows nothing of alarms, and says so."""
        return self._pages.page("offline.html", visit, None)

    async def icon(self, visit: Visit) -> Response:
        """The icon as PNG, for phones that take no SVG."""
        size = int(visit.request.path_params["size"])
        if size not in ICON_SIZES:
            raise HTTPException(404)
        return Response(draw_icon(size), media_type="image/png")

    async def install(self, visit: Visit) -> Response:
        """How to get the app onto a phone, and to trust the authority behind our certificate where that is needed."""
        body = _read_ca(self._parts.phone_ca)
        address = f"{self._parts.public_url.rstrip('/')}/app"
        values = {"fingerprint": _fingerprint(body) if body else "", "address": address, "qr": qr_code(address)}
        return self._pages.page("install.html", visit, None, **values)

    async def authority(self, visit: Visit) -> Response:  # noqa: ARG002  it is the same for everybody
        """The authority's certificate. Phones ask whether to trust it because of its type."""
        body = _read_ca(self._parts.phone_ca)
        if not body:
            raise HTTPException(404)
        headers = {"content-disposition": 'attachment; filename="anlian-ca.crt"'}
        return Response(ssl.PEM_cert_to_DER_cert(body), media_type="application/x-x509-ca-cert", headers=headers)


def _read_ca(path: Path | None) -> str:
    """The first certificate of the file, or "" (the settings were checked: it is not there any more)."""
    if path is None:
        return ""
    try:
        text = path.read_bytes()[:_CA_MAX].decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    begin, end = text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")
    return text[begin : end + len("-----END CERTIFICATE-----")] if 0 <= begin < end else ""


def _fingerprint(certificate: str) -> str:
    """SHA-256 as phones show it, to be compared with what hangs on the wall of the home."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


@lru_cache(maxsize=1)
def _digest() -> str:
    """Changes with every file that the worker keeps."""
    digest = hashlib.sha256()
    for name in (*(HERE / "static" / each for each in _CACHED), HERE / "templates/worker.js"):
        digest.update(name.read_bytes())
    digest.update((HERE / "templates/offline.html").read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=len(ICON_SIZES))
def draw_icon(size: int) -> bytes:
    """icon.svg as PNG: the warning triangle on red, all of it inside the middle that every phone's mask leaves."""
    scale = 4
    side = size * scale

    def at(x: float, y: float) -> tuple[float, float]:
        return x / 32 * side, y / 32 * side

    image = Image.new("RGB", (side, side), _RED)
    draw = ImageDraw.Draw(image)
    draw.polygon([at(16, 6.5), at(25.2, 22.5), at(6.8, 22.5)], fill=_WHITE)
    draw.rectangle([*at(15.1, 12), *at(16.9, 17.5)], fill=_RED)
    draw.rectangle([*at(15.1, 18.8), *at(16.9, 20.6)], fill=_RED)
    stream = io.BytesIO()
    image.resize((size, size), Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
    return stream.getvalue()
