"""QR codes as SVG in the page, without inline style."""

import segno
from markupsafe import Markup


def draw(code: segno.QRCode) -> Markup:
    """A code drawn dark on light, whatever the theme, so that cameras read it."""
    drawn = code.svg_inline(scale=5, border=2, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 - drawn here, what it says is in its shapes only
