"""A simulation as a picture: attempts against goals achieved, a point for what really was and for each variant.

Written as text, so that the same answer gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, NamedTuple

_SVG: Final = "http://www.w3.org/2000/svg"
_WIDTH: Final = 960
_LINE: Final = 22
_LEFT, _RIGHT, _TOP, _HEIGHT = 90, 40, 60, 380
_TICKS: Final = 5
_REAL, _VARIANT = "#b3261e", "#1f5fa8"


class _Dot(NamedTuple):
    label: str
    attempts: int
    goals: int
    real: bool


def plot_of(answer: Mapping[str, Any]) -> str:
    """The SVG document, from what the API answers."""
    dots = [
        _dot("as it was", answer["real"], real=True),
        *(_dot(one["name"], one["measures"], real=False) for one in answer["variants"]),
    ]
    most_attempts = _ceiling(max(dot.attempts for dot in dots))
    most_goals = _ceiling(max(dot.goals for dot in dots))
    height = _TOP + _HEIGHT + 70 + _LINE * len(dots)
    parts = [
        f'<svg xmlns="{_SVG}" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        '<g font-family="sans-serif" font-size="13">',
        f"<title>{escape('Attempts and goals achieved, as it was and under other settings')}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_axes(most_attempts, most_goals),
        *_path(dots, most_attempts, most_goals),
        *_points(dots, most_attempts, most_goals),
        *_legend(dots),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _dot(label: str, measures: Mapping[str, Any], *, real: bool) -> _Dot:
    return _Dot(label, measures["attempts"], measures["goals_achieved"], real)


def _ceiling(value: int) -> int:
    """The next round number: one of 1, 2, 5 times a power of ten, five of which are enough for the axis."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step * _TICKS >= value:
                return factor * step * _TICKS
        step *= 10


def _x(attempts: float, most: int) -> str:
    return f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * attempts / most:.1f}"


def _y(goals: float, most: int) -> str:
    return f"{_TOP + _HEIGHT - _HEIGHT * goals / most:.1f}"


def _axes(most_attempts: int, most_goals: int) -> list[str]:
    title = "Contacts with the primary goal achieved, by attempts"
    parts = [f'<text x="{_LEFT}" y="{_TOP - 24}" font-size="15">{title}</text>']
    for tick in range(_TICKS + 1):
        attempts, goals = most_attempts * tick // _TICKS, most_goals * tick // _TICKS
        x, y = _x(attempts, most_attempts), _y(goals, most_goals)
        parts += [
            f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#dddddd"/>',
            f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end" dominant-baseline="middle">{goals:,}</text>',
            f'<text x="{x}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle">{attempts:,}</text>',
        ]
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    return [*parts, f'<text x="{middle}" y="{_TOP + _HEIGHT + 42}" text-anchor="middle">attempts</text>']


def _path(dots: Sequence[_Dot], most_attempts: int, most_goals: int) -> list[str]:
    line = sorted((dot.attempts, dot.goals) for dot in dots if not dot.real)
    if len(line) < 2:
        return []
    points = " ".join(f"{_x(attempts, most_attempts)},{_y(goals, most_goals)}" for attempts, goals in line)
    return [f'<polyline points="{points}" fill="none" stroke="{_VARIANT}" stroke-width="1.5"/>']


def _points(dots: Sequence[_Dot], most_attempts: int, most_goals: int) -> list[str]:
    parts = []
    for number, dot in enumerate(dots):
        x, y = _x(dot.attempts, most_attempts), _y(dot.goals, most_goals)
        said = escape(_words(dot))
        shape = (
            f'<circle cx="{x}" cy="{y}" r="8" fill="none" stroke="{_REAL}" stroke-width="2">'
            if dot.real
            else f'<circle cx="{x}" cy="{y}" r="4" fill="{_VARIANT}">'
        )
        parts.append(f"{shape}<title>{said}</title></circle>")
        if not dot.real:
            parts.append(f'<text x="{x}" y="{float(y) - 10:.1f}" text-anchor="middle">{number}</text>')
    return parts


def _legend(dots: Sequence[_Dot]) -> list[str]:
    top = _TOP + _HEIGHT + 70
    return [
        f'<text x="{_LEFT}" y="{top + _LINE * number}" fill="{_REAL if dot.real else _VARIANT}">'
        f"{'○' if dot.real else number} {escape(_words(dot))}</text>"
        for number, dot in enumerate(dots)
    ]


def _words(dot: _Dot) -> str:
    return f"{dot.label}: attempts {dot.attempts:,}, goals {dot.goals:,}"
