"""A figure as SVG that a page may hold as it is: transparent, mid-grey text, no styles, the same bytes each time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Readable on white and on near black alike.
GREY: Final = "#808890"
SCORE: Final = "#3b82c4"
FRAUD: Final = "#d9534f"
SIZE: Final = (5.2, 3.2)
SETTINGS: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # text stays text: small, and read by screen readers
    "font.family": "sans-serif",
    "font.size": 8.5,
    "text.color": GREY,
    "axes.titlesize": 8.5,  # above the axis and level: there is room for a French sentence
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.formatter.use_mathtext": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_STYLE: Final = re.compile(r' style="([^"]*)"')
_HEAD: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_DROPPED: Final = re.compile(r"<(metadata|style)\b.*?</\1>\s*|<!--.*?-->\s*", re.DOTALL)
_GROUP: Final = re.compile(r'<g id="[^"]*">')
_OPENING: Final = re.compile(r"<svg [^>]*>")
_SIZE: Final = re.compile(r'(?<=<svg )([^>]*?)width="[^"]*" height="[^"]*" ')
_FONT: Final = re.compile(r"(?:(\d+(?:\.\d+)?)px)\s+(.*)")


def drawn(draw: Callable[[Axes], None], *, title: str, salt: str, room: float = 0.08) -> str:
    """`title` is what a screen reader says. `salt` makes ids differ from those of another picture on the page.

    `room`: share of the width for what stands left of the axis. Measuring it would draw everything twice.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = {**SETTINGS, "svg.hashsalt": salt}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=SIZE)
        FigureCanvasSVG(figure)
        axes = figure.add_axes((room, 0.15, 0.98 - room, 0.76))
        draw(axes)
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _place: f"{value:g}"))
                axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return plain(written.getvalue(), title)


def plain(svg: str, title: str) -> str:
    """Styles as attributes: a page that allows no inline style shows them all the same. As wide as its place is."""
    bare = _STYLE.sub(_attributes, _DROPPED.sub("", _HEAD.sub("", svg)))
    bare = _SIZE.sub(r"\1", _GROUP.sub("<g>", bare), count=1)
    return _OPENING.sub(lambda found: f'{found.group(0)[:-1]} role="img"><title>{escape(title)}</title>', bare, count=1)


def _attributes(found: re.Match[str]) -> str:
    told = []
    for part in found.group(1).split(";"):
        name, _colon, value = part.strip().partition(":")
        value = value.strip()
        if name == "font" and (font := _FONT.search(value)):
            told.append(f'font-size="{font.group(1)}"')
            told.append('font-family="sans-serif"')
        elif name == "font-family":
            told.append('font-family="sans-serif"')
        elif name:
            told.append(f'{name}="{value}"')
    return "".join(f" {one}" for one in told)
