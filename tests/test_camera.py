"""The camera's algebra: what is zoomed, panned and fitted comes back, and the cursor's point stays."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.camera import LARGEST, SMALLEST, Camera

place = st.floats(-100, 100)
places = st.tuples(place, place)
sizes = st.tuples(st.integers(10, 5000), st.integers(10, 5000))
cameras = st.builds(
    Camera, center=places, height=st.floats(0.01, 1e3), width=st.floats(0.01, 1e3), stretch=st.booleans()
)


def close(a, b, scale=1.0):
    return np.allclose(a, b, rtol=1e-6, atol=1e-7 * scale)


@given(cameras, sizes, places)
def test_pixels_and_data_are_inverse(camera, size, pixel):
    back = camera.to_pixels(camera.to_data(pixel, size), size)
    assert close(back, pixel, 1e4)


@given(cameras, sizes)
def test_corners(camera, size):
    left, right, bottom, top = camera.bounds(*size)
    assert close(camera.to_pixels([(left, top), (right, bottom)], size), [(0, 0), size], 1e4)
    assert close(((left + right) / 2, (bottom + top) / 2), camera.center)
    if not camera.stretch:
        assert math.isclose((right - left) / (top - bottom), size[0] / size[1], rel_tol=1e-6)


@given(cameras, sizes, places, st.floats(0.1, 10))
def test_zoom_keeps_the_point_and_can_be_undone(camera, size, at, factor):
    zoomed = camera.zoomed(factor, at)
    assert math.isclose(zoomed.height * factor, camera.height, rel_tol=1e-9)
    back = zoomed.zoomed(1 / factor, at)
    assert close(back.center, camera.center, 100) and close(back.height, camera.height)
    pixel = camera.to_pixels(at, size)
    if np.abs(pixel).max() < 1e5:
        assert np.allclose(zoomed.to_pixels(at, size), pixel, atol=1e-3)


@given(cameras, places)
def test_pan_can_be_undone(camera, by):
    assert close(camera.panned(*by).panned(-by[0], -by[1]).center, camera.center, 100)


@given(cameras, places, places, sizes)
def test_what_is_fitted_is_seen_whole(camera, a, b, size):
    bounds = (min(a[0], b[0]), max(a[0], b[0]), min(a[1], b[1]), max(a[1], b[1]))
    left, right, bottom, top = camera.fitted(bounds, size).bounds(*size)
    slack = 1e-6 * (1 + abs(right - left) + abs(top - bottom))
    assert left <= bounds[0] + slack and right >= bounds[1] - slack
    assert bottom <= bounds[2] + slack and top >= bounds[3] - slack


@given(cameras, st.floats(1e-300, 1e300), places)
def test_no_zoom_leaves_the_numbers(camera, factor, at):
    zoomed = camera.zoomed(factor, at)
    assert SMALLEST * 0.99 <= zoomed.height <= LARGEST * 1.01
    assert all(map(math.isfinite, zoomed.center))


def test_fitting_nothing_finite_changes_nothing():
    camera = Camera()
    assert camera.fitted((math.nan, 1, 0, 1), (100, 100)) is camera
    assert camera.fitted((0, math.inf, 0, 1), (100, 100)) is camera
    assert camera.fitted((2, 2, 3, 3), (100, 100)).center == (2, 3)


def test_stretch_maps_both_directions_by_themselves():
    camera = Camera(stretch=True).fitted((0, 1, -10, 10), (300, 100), margin=0)
    assert camera.bounds(300, 100) == pytest.approx((0, 1, -10, 10))
    assert camera.bounds(50, 800) == pytest.approx((0, 1, -10, 10))
