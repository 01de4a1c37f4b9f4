"""QR codes in pages."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_code(text: str) -> Markup:
    """A QR code as an SVG element: the text is encoded in its squares, not written, so there is nothing to escape."""
    return Markup(segno.make(text, error="m", micro=False).svg_inline(scale=6, border=3, light="#fff", omitsize=True))
