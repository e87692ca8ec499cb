"""QR codes as SVG, drawn here: what a phone's camera opens."""

import io
from functools import lru_cache

import segno

QUIET = 4  # modules of light around the code (ISO/IEC 18004 §6.3.8)


def svg(text: str, title: str) -> str:
    """An `<svg>` element to stand in a page: black on white in either theme, for a camera reads no other."""
    out = io.BytesIO()
    segno.make(text, micro=False, error="m").save(
        out,
        kind="svg",
        border=QUIET,
        scale=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=False,
        svgclass="qr",
        lineclass=None,
        omitsize=True,
        title=title,
        nl=False,
    )
    return out.getvalue().decode()


@lru_cache(1024)
def public(text: str, title: str) -> str:
    """The same of what is no secret, remembered: it takes 10 ms to draw one."""
    return svg(text, title)
