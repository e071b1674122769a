"""How much of its saliency a network leaves on pixels that are hidden."""

from __future__ import annotations

import torch

from ssn.evaluation.probes import as_probe
from ssn.faces.occlude import Occlusion
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace, Spectrum
from ssn.models.network import branch_indices
from ssn.recognizer import Recognizer, gray_batch, masks_of


@torch.inference_mode()
def saliency_on_mask(
    recognizer: Recognizer, faces: list[AlignedFace], occlusion: Occlusion, spectrum: Spectrum = "nir-simulated"
) -> list[dict]:
    """What the network keeps of hidden pixels, mean over the faces, one row per block: ``indicator`` σ(M) (None
    without selection) and ``response`` mean |Ŷ|, each as {"inside", "outside"} of the mask for the occluded face and
    {"inside_complete", "outside_complete"} for the same face before."""
    sums: list[dict] = []
    for face in faces:
        simulated = spectrum == "nir-simulated" and face.spectrum == "vis"
        complete = simulated_nir_face(face) if simulated else face
        hidden = as_probe(complete, occlusion)
        branch = branch_indices([hidden.branch], recognizer.device)
        inside = masks_of([hidden])
        seen = []
        for each in (hidden, complete):
            gray = gray_batch([each]).to(recognizer.device, memory_format=torch.channels_last)
            seen.append(recognizer.network.trace(gray, branch)[1])
        blocks = [_shares(now, before, inside) for now, before in zip(*seen, strict=True)]
        sums = blocks if not sums else [_add(a, b) for a, b in zip(sums, blocks, strict=True)]
    return [
        {"block": number, **{kind: _mean(values, len(faces)) for kind, values in block.items()}}
        for number, block in enumerate(sums, start=1)
    ]


def _shares(now, before, mask: torch.Tensor) -> dict:
    size = now.output.shape[-2:]
    inside = torch.nn.functional.adaptive_avg_pool2d(mask, size).to(now.output.device)  # (1, 1, H, W) in [0, 1]

    def over(maps: torch.Tensor, weight: torch.Tensor) -> float:
        return ((maps.float().abs().mean(dim=1, keepdim=True) * weight).sum() / weight.sum().clamp_min(1e-6)).item()

    found: dict[str, dict | None] = {}
    for kind, a, b in (("indicator", now.indicator, before.indicator), ("response", now.selected, before.selected)):
        if a is None:
            found[kind] = None
            continue
        found[kind] = {
            "inside": over(a, inside),
            "outside": over(a, 1 - inside),
            "inside_complete": over(b, inside),
            "outside_complete": over(b, 1 - inside),
        }
    return found


def _add(a: dict, b: dict) -> dict:
    return {k: None if a[k] is None else {name: a[k][name] + b[k][name] for name in a[k]} for k in a}


def _mean(values: dict | None, count: int) -> dict | None:
    return None if values is None else {name: value / count for name, value in values.items()}
