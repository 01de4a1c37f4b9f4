"""Sheets as PDF, by WeasyPrint: drawn in a thread, one at a time, from our own text and style alone."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.responses import Response

from gateway.console.render import Pages, Visit

NATIVE_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-cjk"
"""What WeasyPrint needs beside Python (Debian's names): the layout of text, and letters for Chinese."""


class PdfUnavailable(Exception):
    """This machine cannot make PDFs: WeasyPrint's native libraries are not installed."""


class PdfBusy(Exception):
    """Another sheet is being drawn."""


class SheetPrinter:
    """Draws one sheet at a time; whoever comes meanwhile is told so. Nothing is fetched from anywhere."""

    def __init__(self) -> None:
        self._drawing = False

    async def pdf(self, page: str, style: str) -> bytes:
        """The page as PDF. PdfUnavailable where the libraries are missing, PdfBusy while another one is drawn."""
        if self._drawing:
            raise PdfBusy
        self._drawing = True
        try:
            return await asyncio.to_thread(_draw, page, style)
        finally:
            self._drawing = False

    async def answer(self, pages: Pages, visit: Visit, page: str, style: str, name: str) -> Response:
        """The page as a PDF of this name, or what to install first."""
        words = visit.words
        try:
            drawn = await self.pdf(page, style)
        except PdfUnavailable:
            detail = words("sheet.pdf_missing_detail", packages=NATIVE_PACKAGES)
            return pages.message(visit, 503, words("sheet.pdf_missing"), detail)
        except PdfBusy:
            return pages.message(visit, 503, words("sheet.pdf_busy"))
        headers = {"content-disposition": f'inline; filename="{name}"'}
        return Response(drawn, media_type="application/pdf", headers=headers)


def _draw(page: str, style: str) -> bytes:
    try:
        # Imported here: without its native libraries the import itself fails, and the gateway must run all the same.
        import weasyprint
    except (ImportError, OSError) as missing:
        raise PdfUnavailable(str(missing)) from missing
    document: Any = weasyprint.HTML(string=page, url_fetcher=_fetch_nothing)
    drawn = document.write_pdf(stylesheets=[weasyprint.CSS(string=style)])
    if not isinstance(drawn, bytes):
        raise PdfUnavailable("no PDF came")
    return drawn


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a sheet needs nothing from elsewhere, not {url}")
