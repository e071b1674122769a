"""What hides a part of a training view: shapes of five kinds, filled with black, gray, a texture or another face.

Nothing here looks like the goggles, surgical masks and scarves that the synthetic people wear: those stay unseen, so
that they can test what was learned. Views are gray already, so in NIR an occluder has a brightness of its own, whatever
it would be in visible light.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

OCCLUDERS = ("none", "rectangle", "many")
"""What may hide a part of a training view: nothing, one black rectangle, or all kinds of this file."""

EYE_BOX = (0.17, 0.23, 0.84, 0.74)
MOUTH_BOX = (0.11, 0.45, 0.89, 0.95)
"""Left, top, right and bottom of the mean maskTop and maskBottom of aligned faces, as shares of the side."""


@dataclass(frozen=True)
class OccluderMix:
    """Shares of all views that are hidden by each kind; what is missing to 1 stays complete.

    ``rectangle``: one upright black rectangle of random place and sides. ``paper``: a black rectangle about where the
    paper's two masks lie. ``gray``: blobs or a rectangle of one brightness, with a slope. ``texture``: blobs of noise
    or stripes. ``face``: blobs that show another face of the batch. ``strokes``: thick lines, black or gray.
    """

    rectangle: float = 0.20
    paper: float = 0.18
    gray: float = 0.09
    texture: float = 0.09
    face: float = 0.08
    strokes: float = 0.05

    def __post_init__(self) -> None:
        shares = [getattr(self, f.name) for f in fields(self)]
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise ValueError(f"shares of occluders must be positive and make no more than 1, not {shares}")

    def sharing(self, hidden: float) -> OccluderMix:
        """The same mix of kinds, of which a share ``hidden`` of all views gets one."""
        total = sum(asdict(self).values())
        return OccluderMix(**{name: share * hidden / total for name, share in asdict(self).items()})

    def kinds(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` draws → (count,) int64, the number of the kind's field, or the number of fields for complete."""
        edges = torch.tensor([getattr(self, f.name) for f in fields(self)], device=generator.device).cumsum(0)
        return torch.searchsorted(edges, torch.rand(count, generator=generator, device=generator.device), right=True)


RECTANGLE, PAPER, GRAY, TEXTURE, FACE, STROKES, COMPLETE = range(7)


def _axes(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    axis = (torch.arange(size, device=device) + 0.5) / size
    return axis.view(1, 1, -1), axis.view(1, -1, 1)


def _between(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def upright_boxes(boxes: Tensor, size: int) -> Tensor:
    """Boxes (N, 4) left, top, right, bottom as shares of the side → (N, S, S) bool, True inside."""
    x, y = _axes(size, boxes.device)
    left, top, right, bottom = (side.view(-1, 1, 1) for side in boxes.unbind(1))
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def random_boxes(count: int, generator: torch.Generator, low: float, high: float) -> Tensor:
    """(count, 4): width and height drawn apart from ``low`` … ``high``, the place anywhere inside the picture."""
    sides = _between(low, high, (count, 2), generator)
    corner = torch.rand(count, 2, generator=generator, device=generator.device) * (1 - sides)
    return torch.cat([corner, corner + sides], dim=1)


def paper_boxes(count: int, generator: torch.Generator, jitter: float = 0.06) -> Tensor:
    """(count, 4): boxes about maskTop or maskBottom, each side moved by up to ``jitter`` of the picture's side."""
    device = generator.device
    lower = (torch.rand(count, generator=generator, device=device) < 0.5).view(-1, 1)
    box = torch.where(lower, torch.tensor([MOUTH_BOX], device=device), torch.tensor([EYE_BOX], device=device))
    return box + _between(-jitter, jitter, (count, 4), generator)


def blobs(count: int, size: int, generator: torch.Generator, parts: int = 3) -> Tensor:
    """Unions of one to ``parts`` rotated ellipses or rectangles about one place → (count, S, S) bool."""
    x, y = _axes(size, generator.device)
    place = torch.rand(count, 2, generator=generator, device=generator.device)
    inside = torch.zeros(count, size, size, dtype=torch.bool, device=generator.device)
    wanted = torch.randint(1, parts + 1, (count,), generator=generator, device=generator.device)
    for number in range(parts):
        beside = _between(-0.22, 0.22, (count, 2), generator)
        centre = place if number == 0 else place + beside
        radius = _between(0.07, 0.34, (count, 2), generator)
        angle = _between(0.0, 3.1416, (count, 1, 1), generator)
        dx, dy = x - centre[:, 0].view(-1, 1, 1), y - centre[:, 1].view(-1, 1, 1)
        along = (angle.cos() * dx + angle.sin() * dy) / radius[:, 0].view(-1, 1, 1)
        across = (angle.cos() * dy - angle.sin() * dx) / radius[:, 1].view(-1, 1, 1)
        rounded = (torch.rand(count, generator=generator, device=generator.device) < 0.6).view(-1, 1, 1)
        shape = torch.where(rounded, along.square() + across.square() < 1, torch.maximum(along.abs(), across.abs()) < 1)
        inside |= shape & (number < wanted).view(-1, 1, 1)
    return inside


def strokes(count: int, size: int, generator: torch.Generator, most: int = 4) -> Tensor:
    """One to ``most`` joined straight strokes of one thickness → (count, S, S) bool."""
    x, y = _axes(size, generator.device)
    inside = torch.zeros(count, size, size, dtype=torch.bool, device=generator.device)
    wanted = torch.randint(1, most + 1, (count,), generator=generator, device=generator.device)
    thick = _between(0.02, 0.09, (count, 1, 1), generator)
    start = _between(0.1, 0.9, (count, 2), generator)
    for number in range(most):
        end = (start + _between(-0.6, 0.6, (count, 2), generator)).clamp(0, 1)
        step = end - start
        px, py = x - start[:, 0].view(-1, 1, 1), y - start[:, 1].view(-1, 1, 1)
        sx, sy = step[:, 0].view(-1, 1, 1), step[:, 1].view(-1, 1, 1)
        share = ((px * sx + py * sy) / (sx.square() + sy.square()).clamp_min(1e-6)).clamp(0, 1)
        near = (px - share * sx).square() + (py - share * sy).square() < thick.square()
        inside |= near & (number < wanted).view(-1, 1, 1)
        start = end
    return inside


def smooth_grays(count: int, size: int, generator: torch.Generator) -> Tensor:
    """One brightness a picture with a gentle slope → (count, S, S) in [0, 1]."""
    x, y = _axes(size, generator.device)
    level = _between(0.02, 0.98, (count, 1, 1), generator)
    slope = _between(-0.3, 0.3, (2, count, 1, 1), generator)
    return (level + slope[0] * (x - 0.5) + slope[1] * (y - 0.5)).clamp(0, 1)


def textures(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Noise of a random grain, or stripes of a random direction, about a random level → (count, S, S) in [0, 1]."""
    x, y = _axes(size, generator.device)
    noise = torch.zeros(count, 1, size, size, device=generator.device)
    grain = torch.randint(3, (count,), generator=generator, device=generator.device)
    for number, cells in enumerate((6, 16, 48)):
        coarse = torch.randn(count, 1, cells, cells, generator=generator, device=generator.device)
        fine = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
        noise = torch.where((grain == number).view(-1, 1, 1, 1), fine, noise)
    angle, waves = _between(0, 3.1416, (count, 1, 1), generator), _between(3, 20, (count, 1, 1), generator)
    stripes = torch.sin(6.2832 * waves * (angle.cos() * x + angle.sin() * y))
    striped = (torch.rand(count, generator=generator, device=generator.device) < 0.35).view(-1, 1, 1)
    pattern = torch.where(striped, stripes, noise[:, 0])
    level, strength = _between(0.1, 0.9, (count, 1, 1), generator), _between(0.05, 0.35, (count, 1, 1), generator)
    return (level + strength * pattern).clamp(0, 1)


def other_faces(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Gray views (N, S, S) → for each the next one of the batch, moved, brighter or darker → (N, S, S) in [0, 1]."""
    size = gray.shape[-1]
    dx, dy = (int(torch.randint(size, (1,), generator=generator, device=generator.device)) for _ in range(2))
    other = gray.roll(1, dims=0).roll((dy, dx), dims=(1, 2))
    return (other * _between(0.6, 1.5, (len(gray), 1, 1), generator)).clamp(0, 1)


def hide(
    gray: Tensor, generator: torch.Generator, mix: OccluderMix, low: float = 0.2, high: float = 0.75
) -> tuple[Tensor, Tensor]:
    """Gray views (N, 1, S, S) in [0, 1] → the views with occluders, and where they lie (N, 1, S, S) bool.

    ``low`` and ``high`` are the shortest and longest side of the black rectangles, as shares of the picture's side.
    """
    count, size = len(gray), gray.shape[-1]
    kind = mix.kinds(count, generator)
    blob, box = blobs(count, size, generator), random_boxes(count, generator, low, high)
    upright = (torch.rand(count, generator=generator, device=generator.device) < 0.4).view(-1, 1, 1)
    shapes = {
        RECTANGLE: upright_boxes(box, size),
        PAPER: upright_boxes(paper_boxes(count, generator), size),
        GRAY: torch.where(upright, upright_boxes(box, size), blob),
        TEXTURE: blob,
        FACE: blob,
        STROKES: strokes(count, size, generator),
    }
    black = torch.zeros(count, size, size, device=generator.device)
    plain = smooth_grays(count, size, generator)
    dark = (torch.rand(count, generator=generator, device=generator.device) < 0.5).view(-1, 1, 1)
    fills = {
        RECTANGLE: black,
        PAPER: black,
        GRAY: plain,
        TEXTURE: textures(count, size, generator),
        FACE: other_faces(gray[:, 0], generator),
        STROKES: torch.where(dark, black, plain),
    }
    mask = torch.zeros(count, size, size, dtype=torch.bool, device=generator.device)
    fill = black
    for number, shape in shapes.items():
        chosen = (kind == number).view(-1, 1, 1)
        mask |= shape & chosen
        fill = torch.where(chosen, fills[number], fill)
    return torch.where(mask, fill, gray[:, 0]).unsqueeze(1), mask.unsqueeze(1)
