"""Draws the screens of a recording as one animated SVG.

It needs no script and no font file, so that it moves in `<img>`. All screens are below each other on a film, which one
CSS animation moves behind the window. Where nothing may move, the film stands still at one screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from terminal_recording import Frame, Line, Run

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.4, 19, 14
PADDING, TITLE_HEIGHT = 16, 32
SHOWN_WIDTH = 800
"""Width in pixels where the page has the room."""

COLOURS = {
    "default": "#e6edf3",
    "red": "#ff8d85",
    "green": "#56d364",
    "brown": "#e3b341",  # pyte's name for yellow
    "cyan": "#76d9e6",
}
DIM_COLOURS = {"default": "#9aa4af", "green": "#3d444d"}
BACKGROUND, BORDER, BUTTON = "#0d1117", "#3d444d", "#57606a"

BARS = {"━": 4.0, "─": 2.0}
"""Characters of progress bars that are drawn as lines of this width: in fonts they have gaps."""

STYLE = """
text {{ font: {size}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace }}
.b {{ font-weight: 700 }}
.film {{ animation: film {seconds:.2f}s step-end infinite }}
@media (prefers-reduced-motion: reduce) {{ .film {{ animation: none }} }}
@keyframes film {{ {stops} }}
"""


def draw(frames: Sequence[Frame], seconds: float, still: int, title: str) -> str:
    """Return the SVG of these screens, which lasts so many seconds and stands still at the screen number `still`."""
    columns = max(run.column + len(run.text) for frame in frames for line in frame.lines for run in line)
    rows = len(frames[0].lines)
    width, height = columns * CELL_WIDTH + 2 * PADDING, rows * LINE_HEIGHT + TITLE_HEIGHT + PADDING
    film_height = rows * LINE_HEIGHT
    lines: dict[Line, str] = {}
    film: list[str] = []
    stops: list[str] = []
    for number, frame in enumerate(frames):
        top = number * film_height
        stops.append(f"{_short(100 * frame.seconds / seconds)}%{{transform:translateY({-top}px)}}")
        if frame.cursor is not None:
            column, row = frame.cursor
            film.append(
                f'<rect x="{_short(column * CELL_WIDTH)}" y="{top + row * LINE_HEIGHT + 2}" '
                f'width="{CELL_WIDTH}" height="{LINE_HEIGHT - 4}" fill="{DIM_COLOURS["default"]}"/>'
            )
        for row, line in enumerate(frame.lines):
            if line:
                name = lines.setdefault(line, f"l{len(lines)}")
                film.append(f'<use href="#{name}" y="{top + row * LINE_HEIGHT}"/>')
    style = STYLE.format(size=FONT_SIZE, seconds=seconds, stops=" ".join(stops))
    definitions = "\n".join(f'<g id="{name}">{"".join(map(_run, line))}</g>' for line, name in lines.items())
    buttons = "".join(f'<circle cx="{PADDING + 5 + 18 * i}" cy="17" r="5" fill="{BUTTON}"/>' for i in range(3))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{SHOWN_WIDTH}" \
height="{SHOWN_WIDTH * height / width:.0f}" viewBox="0 0 {_short(width)} {height}">
<title>{escape(title)}</title>
<style>{style}</style>
<defs>
{definitions}
</defs>
<rect x="0.5" y="0.5" width="{_short(width - 1)}" height="{height - 1}" rx="8" fill="{BACKGROUND}" stroke="{BORDER}"/>
{buttons}
<svg x="{PADDING}" y="{TITLE_HEIGHT}" width="{_short(columns * CELL_WIDTH)}" height="{film_height}">
<g class="film" transform="translate(0 {-still * film_height})">
{"".join(film)}
</g>
</svg>
</svg>
"""


def _run(run: Run) -> str:
    """Return a run, as wide as its cells."""
    colour = (DIM_COLOURS if run.dim else COLOURS)[run.colour]
    x, width = run.column * CELL_WIDTH, len(run.text) * CELL_WIDTH
    if len(set(run.text)) == 1 and (thickness := BARS.get(run.text[0])):
        return (
            f'<rect x="{_short(x)}" y="{_short((LINE_HEIGHT - thickness) / 2)}" width="{_short(width)}" '
            f'height="{_short(thickness)}" fill="{colour}"/>'
        )
    bold = ' class="b"' if run.bold else ""
    return (
        f'<text x="{_short(x)}" y="{FONT_SIZE}" textLength="{_short(width)}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{colour}"{bold}>{escape(run.text, quote=False)}</text>'
    )


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
