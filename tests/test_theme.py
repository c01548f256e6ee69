"""Colours: every role in both themes, words that can be read, maps that start at the stage."""

import re

import numpy as np
import pytest

from explorer.figures import theme as themes
from explorer.figures.theme import COLORMAPS, DARK, LIGHT, ROLES, color, lut, rgb, theme

BOTH = pytest.mark.parametrize("which", [DARK, LIGHT], ids=lambda t: t.name)


def luminance(red, green, blue):
    """Relative luminance as the accessibility guidelines define it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in np.array([red, green, blue]) / 255
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(*a), luminance(*b)))
    return (high + 0.05) / (low + 0.05)


@BOTH
@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_a_colour(which, role):
    assert re.fullmatch("#[0-9a-f]{6}", color(which, role))


@BOTH
@pytest.mark.parametrize("role", ["text", "muted", "accent", "score", "noise", "warn", "error"])
@pytest.mark.parametrize("ground", ["background", "panel"])
def test_words_can_be_read(which, role, ground):
    assert contrast(rgb(which, role), rgb(which, ground)) >= (7 if role == "text" else 3.5)


def test_names():
    assert theme("dark") is DARK and theme("light") is LIGHT
    assert DARK.is_dark and not LIGHT.is_dark
    assert color(DARK, "#AbCdEf") == "#abcdef"
    assert rgb(DARK, "#010203") == (1, 2, 3)


@pytest.mark.parametrize("wrong", ["sepia", "", "Dark"])
def test_a_wrong_theme_is_named(wrong):
    with pytest.raises(ValueError, match=repr(wrong)):
        theme(wrong)


@pytest.mark.parametrize("wrong", ["rainbow", "#12345", "#gggggg", "name", "#1234567"])
def test_a_wrong_colour_is_named(wrong):
    with pytest.raises(ValueError, match=wrong):
        color(DARK, wrong)


@BOTH
@pytest.mark.parametrize("name", COLORMAPS)
def test_colour_maps_are_tables_that_nobody_can_spoil(which, name):
    table = lut(name, which)
    assert table.shape == (256, 4) and table.dtype == np.uint8
    assert (table[:, 3] == 255).all()
    assert lut(name, which) is table
    with pytest.raises(ValueError, match="read-only"):
        table[0, 0] = 1


def test_a_wrong_colour_map_is_named():
    with pytest.raises(ValueError, match="'jet'"):
        lut("jet", DARK)


@BOTH
def test_no_density_has_the_colour_of_the_stage(which):
    table = lut("density", which)
    assert tuple(table[0, :3]) == rgb(which, "stage")
    light = np.array([luminance(*row) for row in table[:, :3]])
    steps = np.diff(light) if which.is_dark else -np.diff(light)
    assert (steps > -0.004).all() and steps.sum() > 0.3


@BOTH
def test_particles_stand_out_from_the_highest_density(which):
    assert contrast(lut("density", which)[-1, :3], rgb(which, "text")) > 1.9


@BOTH
def test_no_difference_is_as_dark_as_the_stage(which):
    table = lut("difference", which)
    middle = luminance(*table[128, :3])
    assert abs(middle - luminance(*rgb(which, "stage"))) < 0.25
    ends = [luminance(*row) for row in table[[0, -1], :3]]
    assert all((end > middle) == which.is_dark for end in ends)


def test_one_colour_means_one_thing():
    for which in (DARK, LIGHT):
        terms = [color(which, role) for role in ("drift", "score", "noise", "corrector", "data")]
        assert len(set(terms)) == len(terms)
    assert set(themes.THEMES) == {"dark", "light"}
