"""Contrast of every pair of colours that touch, in both themes, computed from the token file itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "static"
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TOKENS = {name: (light, dark) for name, light, dark in TOKEN.findall((STATIC / "css/tokens.css").read_text())}

TEXT, PART = 4.5, 3.0  # WCAG 2.2: 1.4.3 for text, 1.4.11 for the parts of a control

GROUNDS = ("bg", "surface", "surface-sunken", "surface-hover", "surface-selected")
TONES = ("success", "warning", "danger", "info", "neutral")
TEXT_PAIRS = (
    [(ink, ground) for ink in ("text", "text-muted", "link") for ground in GROUNDS]
    + [("text-faint", ground) for ground in ("bg", "surface", "surface-sunken")]
    + [(tone, f"{tone}-soft") for tone in TONES]
    + [(tone, ground) for tone in TONES for ground in ("bg", "surface", "surface-sunken")]
    + [("on-bar", "bar"), ("on-bar", "bar-hover"), ("on-bar-muted", "bar"), ("on-bar-muted", "bar-hover")]
    + [("on-primary", "primary"), ("on-primary", "primary-hover"), ("on-primary-soft", "primary-soft")]
    + [("on-danger-solid", "danger-solid")]
)
PART_PAIRS = (
    [("border-strong", ground) for ground in ("bg", "surface", "surface-sunken")]
    + [("focus", ground) for ground in GROUNDS]
    + [("primary", ground) for ground in ("bg", "surface", "surface-selected")]
    + [("focus-on-bar", "bar"), ("focus-on-bar", "bar-hover"), ("brand-spark", "bar-hover")]
)


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_twenty_one_to_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT_PAIRS, TEXT), (PART_PAIRS, PART)], ids=["text", "parts"])
def test_every_pair_in_use_is_readable(pairs: list[tuple[str, str]], least: float, theme: int) -> None:
    ratios = {pair: contrast(TOKENS[pair[0]][theme], TOKENS[pair[1]][theme]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}


def test_every_colour_token_has_a_light_and_a_dark_side() -> None:
    block = (STATIC / "css/tokens.css").read_text()
    single = re.findall(r"--([\w-]+): #[0-9a-f]{3,8};", block)
    assert single == []


def test_styles_take_their_colours_from_the_tokens() -> None:
    allowed = {"tokens.css", "admin.css"}  # the admin site has its own sheet and no tokens
    strays = {
        path.name: found
        for path in (STATIC / "css").glob("*.css")
        if path.name not in allowed
        # a backdrop and the sparkline's quiet bars are drawn once, beside the rule that uses them
        if (found := set(re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text())) - {"#8fc0bb", "#2f7670"})
    }
    assert strays == {}


def test_every_token_used_is_declared() -> None:
    everything = "\n".join(path.read_text() for path in (STATIC / "css").glob("*.css") if path.name != "admin.css")
    declared, used = set(re.findall(r"--([\w-]+):", everything)), set(re.findall(r"var\(--([\w-]+)", everything))
    assert used - declared == set()
