"""Visible light → *simulated* near-infrared, on aligned faces, in batches.

What a camera with an 850 nm lamp beside the lens sees, as far as colour can tell: haemoglobin and melanin absorb little
there, so skin is bright and lips fade (mostly red, a little green, negative blue); the room's light is filtered away,
the lamp falls off from the middle of the face and leaves the background dark; the sensor is coarser and noisier.
A simulation: no measured NIR image stands behind it, and whatever comes from it is called simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.faces.types import AlignedFace

Amount = float | Tensor
"""A number for all faces, or a tensor (N, 1, 1, 1) with a number for each."""


@dataclass(frozen=True)
class NirLook:
    """One look of the simulated camera. Lengths are fractions of the picture's side."""

    red: Amount = 1.15
    green: Amount = 0.10
    blue: Amount = -0.25
    flatten: Amount = 0.55
    """Power of the local mean the picture is divided by: 0 keeps the room's light, 1 removes it."""
    lamp_x: Amount = 0.5
    lamp_y: Amount = 0.45
    lamp_reach: Amount = 0.75
    """Distance at which the lamp has lost half its light."""
    background: Amount = 0.35
    """What is left of the light outside the head's ellipse."""
    exposure: Amount = 0.58
    """Mean of the middle of the picture after exposure."""
    gamma: Amount = 1.0
    noise: Amount = 0.010
    blur: Amount = 0.004

    @classmethod
    def random(cls, count: int, generator: torch.Generator) -> NirLook:
        """``count`` looks as tensors (count, 1, 1, 1), drawn evenly from the ranges used in training."""
        span = {
            "red": (0.85, 1.40),
            "green": (-0.10, 0.35),
            "blue": (-0.45, 0.05),
            "flatten": (0.20, 0.85),
            "lamp_x": (0.35, 0.65),
            "lamp_y": (0.30, 0.60),
            "lamp_reach": (0.50, 1.50),
            "background": (0.10, 0.90),
            "exposure": (0.40, 0.70),
            "gamma": (0.75, 1.30),
            "noise": (0.0, 0.035),
            "blur": (0.0, 0.012),
        }
        drawn = torch.rand(len(span), count, 1, 1, 1, generator=generator, device=generator.device)
        return cls(**{name: low + (high - low) * drawn[i] for i, (name, (low, high)) in enumerate(span.items())})

    def on(self, device) -> NirLook:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return NirLook(**{k: v.to(device) if isinstance(v, Tensor) else v for k, v in values.items()})


DEFAULT_LOOK = NirLook()
"""The one fixed look of the app and of every evaluation."""


def _local_mean(x: Tensor) -> Tensor:
    """A wide, smooth mean: down to 8×8, a box, and back up."""
    coarse = F.adaptive_avg_pool2d(x, 8)
    coarse = F.avg_pool2d(F.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)


def _blur(x: Tensor, width: Tensor | float) -> Tensor:
    """Mix of the picture and its 3×3 binomial blur; ``width`` in pixels, up to about 1.5."""
    kernel = x.new_tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]).view(1, 1, 3, 3) / 16
    soft = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel)
    share = width / 1.5
    share = share.clamp(0, 1) if isinstance(share, Tensor) else min(max(share, 0.0), 1.0)
    return x + share * (soft - x)


def simulate_nir(rgb: Tensor, look: NirLook = DEFAULT_LOOK, generator: torch.Generator | None = None) -> Tensor:
    """Aligned faces (N, 3, S, S) RGB in [0, 1] → simulated NIR (N, 1, S, S) in [0, 1].

    ``look`` holds numbers, or tensors (N, 1, 1, 1) for a look each. ``generator`` draws the sensor noise; without one
    the noise is the same for every face and call.
    """
    size = rgb.shape[-1]
    look = look.on(rgb.device)
    linear = rgb.clamp(0, 1) ** 2.2
    red, green, blue = linear.unbind(dim=1)
    weight = [w.flatten().view(-1, 1, 1) if isinstance(w, Tensor) else w for w in (look.red, look.green, look.blue)]
    light = (weight[0] * red + weight[1] * green + weight[2] * blue).clamp_min(0).unsqueeze(1)
    light = light / (_local_mean(light) + 0.02) ** look.flatten

    axis = (torch.arange(size, device=rgb.device, dtype=rgb.dtype) + 0.5) / size
    x, y = axis.view(1, 1, 1, -1), axis.view(1, 1, -1, 1)
    far = ((x - look.lamp_x) ** 2 + (y - look.lamp_y) ** 2) / look.lamp_reach**2
    outside = torch.sigmoid(14 * ((((x - 0.5) / 0.52) ** 2 + ((y - 0.48) / 0.66) ** 2).sqrt() - 1))
    light = light / (1 + far) * (1 - outside * (1 - look.background))

    q = size // 4
    middle = light[..., q : size - q, q : size - q].mean(dim=(2, 3), keepdim=True)
    seen = (light * (look.exposure**2.2 / middle.clamp_min(1e-4))).clamp(1e-5, 1) ** (look.gamma / 2.2)
    seen = _blur(seen, look.blur * size)
    if generator is None:
        generator = torch.Generator().manual_seed(850)
        grain = torch.randn(1, *seen.shape[1:], generator=generator).to(seen)  # a batch is then as one by one
    else:
        grain = torch.randn(seen.shape, generator=generator, device=generator.device).to(seen)
    return (seen + look.noise * grain).clamp(0, 1)


def simulated_nir_pixels(pixels: np.ndarray, look: NirLook = DEFAULT_LOOK) -> np.ndarray:
    """An aligned face's pixels (S, S, 3) uint8 RGB → simulated NIR (S, S) uint8."""
    rgb = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).unsqueeze(0).float() / 255
    return (simulate_nir(rgb, look)[0, 0] * 255).round().byte().numpy()


def simulated_nir_face(face: AlignedFace, look: NirLook = DEFAULT_LOOK) -> AlignedFace:
    """A VIS face → the same face in simulated NIR, gray in all three channels, spectrum ``nir-simulated``. What is
    hidden stays black; where both are wanted simulate first and hide then, since black weighs in the exposure."""
    gray = simulated_nir_pixels(face.pixels, look)
    gray[face.mask] = 0
    return face.with_(pixels=np.repeat(gray[..., None], 3, axis=2), spectrum="nir-simulated")
