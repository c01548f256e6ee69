"""The look: everything that affects only the picture."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.base.params import Validated, param

FIELDS = {"none": "Off", "learned": "Learned", "exact": "Exact", "difference": "Difference"}
#: What the arrows show: the kinds of explorer.diffusion.parameterization.
FIELD_KINDS = {
    "score": "Score s",
    "noise": "Noise ε",
    "x0": "Clean point x₀",
    "v": "Velocity v",
    "flow": "Flow velocity u",
    "denoiser": "EDM denoiser D",
}
#: The length of a trajectory that is the whole path.
WHOLE = 1.0
#: What the stage shows of a set of pictures.
SHEETS = {"parts": "Sheet, estimate, score", "sheet": "Sheet", "plane": "A plane"}
PLANES = {"principal": "Principal directions", "three": "Three images"}
#: The fields that mean something for pictures; `BOTH` do for points too, all others for points alone.
BOTH = ("follow",)
PICTURES = ("sheet", "picture", "nearest", "plane", "triple", *BOTH)


def _in_plane(look: Look) -> bool:
    return look.sheet == "plane" and not look.picture


@dataclass(frozen=True)
class Look(Validated):
    """Layers of the stage and how they are drawn. Sizes are in pixels of a 1x screen."""

    name = "look"
    particles: bool = param(True, "Particles", help="The points being moved.")
    trails: bool = param(
        True, "Trajectories", help="The paths of some of the particles, the same ones on both stages."
    )
    density: bool = param(
        True,
        "Density",
        help="The exact density of pₜ, square root of it, as a heat map. In "
        "Langevin mode of pₜ^(1/T), where the temperature leads.",
    )
    conditional: bool = param(
        True, "Conditional density",
        help="Under a control, density and contours are those of pₜ(x | y); off, of the whole data.",
    )  # fmt: skip
    guidance: bool = param(
        True, "Guidance",
        help="Under a control: the unconditional score, the conditional one and the guidance between them as three "
        "arrows, and what was observed as a line.",
    )  # fmt: skip
    contours: bool = param(False, "Contours", help="Lines of equal density of pₜ, each a tenth of the last.")
    data: bool = param(False, "Data", help="A draw from the data distribution.")
    moves: bool = param(
        True,
        "Predictor-corrector steps",
        help="The last predictor step and each corrector step as separate arrows (PC mode).",
    )
    field: str = param(
        "learned",
        "Vector field",
        choices=FIELDS,
        help="The score as arrows. Learned: of the network in use (the exact one if that is in use); "
        "difference: learned minus exact.",
    )
    field_kind: str = param(
        "score", "Field", choices=FIELD_KINDS, visible=lambda look: look.field != "none",
        help="One field under six names, each made from any other; the samples do not change. Arrows to x₀ lead "
        "there; to the denoiser, to αD; the others are drawn by the logarithm of their size.",
        equation="s = −ε/σ;  x₀ = (x + σ²s)/α = D;  v = αε − σx₀;  u = f − ½g²s",
    )  # fmt: skip
    arrows: int = param(24, "Arrows", low=8, high=40, minimum=2, maximum=80, help="Arrows along the height.")
    arrow_color: bool = param(
        False, "Arrows by size", help="Color the arrows by the logarithm of their size."
    )
    point_size: float = param(
        3.0, "Point size", unit="px", low=1.0, high=12.0, minimum=0.5, maximum=40.0,
        help="Diameter of a particle.",
    )  # fmt: skip
    point_opacity: float = param(
        0.6, "Point opacity", low=0.1, high=1.0, minimum=0.02, maximum=1.0,
        help="Of a particle: below 1 the density shows through a crowd. Dimmer beside trajectories.",
    )  # fmt: skip
    trajectory_length: float = param(
        WHOLE, "Trajectory length", low=0.02, high=WHOLE, minimum=0.001, maximum=WHOLE, log=True,
        help="How far a trajectory reaches back, as a fraction of the run's time (of its steps at one noise level); "
        "1 is the whole path.",
    )  # fmt: skip
    trail_count: int = param(
        100, "Number of trajectories", low=10, high=1000, minimum=1, maximum=5000, log=True,
        help="How many of the particles draw one.",
    )  # fmt: skip
    space: bool = param(
        False, "Space-time (3D)",
        help="The paths over (x, y, t): whole trajectories in space, with the density on the planes of the "
        "data, of now and of the noise. Drag to turn.",
    )  # fmt: skip
    azimuth: float = param(
        35.0, "Turn", unit="°", low=-180.0, high=180.0, minimum=-3600.0, maximum=3600.0,
        visible=lambda look: look.space,
        help="0 looks at time from the side, 90 along it onto the plane. Drag the stage sideways.",
    )  # fmt: skip
    elevation: float = param(
        20.0, "Tilt", unit="°", low=-90.0, high=90.0, minimum=-90.0, maximum=90.0,
        visible=lambda look: look.space, help="From how far above one looks. Drag the stage up or down.",
    )  # fmt: skip
    follow: bool = param(
        True, "Follow the noise", help="Zoom out as the noise grows, so that the cloud keeps its size on the stage.",
    )  # fmt: skip
    sheet: str = param(
        "parts", "Show", choices=SHEETS,
        help="All images at the playhead's t. Beside them the clean images that the score expects, and the score "
        "itself. Or a plane through the data, with the score in it and the ways of the samples.",
        equation="x̂₀ = (x + σ²s)/α",
    )  # fmt: skip
    picture: int = param(
        0, "One image", low=0, high=100, minimum=0, maximum=100,
        help="This one large, with its whole way from noise as a film strip; 0 shows all. Click an image on the "
        "stage, and again (or Esc) to come back.",
    )  # fmt: skip
    nearest: bool = param(
        False, "Nearest training image", visible=lambda look: look.picture > 0,
        help="Beside the one image, that of the training data which is nearest to its estimate: is it a copy? Sought "
        "among the images at hand; one that comes with the program may have learned from more, which is said then.",
        equation="∥x̂₀ − y∥/√d",
    )  # fmt: skip
    plane: str = param(
        "principal", "Plane through", choices=PLANES, visible=_in_plane,
        help="The two directions in which the data vary most, or three images of different classes.",
    )  # fmt: skip
    triple: int = param(
        0, "Which three", low=0, high=20, minimum=0, maximum=20,
        visible=lambda look: _in_plane(look) and look.plane == "three",
        help="Other images of the training data.",
    )  # fmt: skip
