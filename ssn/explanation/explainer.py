"""The one object the page and the command line need: pair in, attribution and belief out, remembered while there is
room."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import nn

from ssn.errors import ExplanationCancelledError, ExplanationError, TemplateMismatchError
from ssn.explanation.belief import (
    SHIFTS,
    Belief,
    Curves,
    belief,
    control_maps,
    curves_of,
    randomised,
    rank_correlation,
    shifted,
    stability,
)
from ssn.explanation.cache import Kept
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.registry import (
    METHODS,
    Cancel,
    Progress,
    Side,
    attribute,
    drive,
    find_method,
    full_parameters,
)
from ssn.explanation.pair import PairScore, Target, face_digest, gallery_score, probe_score
from ssn.faces.parts import region_labels, region_sums
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.recognizer import Recognizer

Sides = Literal["probe", "gallery", "both"]
OWN_PICTURE = "own picture"
FILL = "mean"
"""What deletion replaces pixels by, unless told otherwise: a face, so that a half-deleted picture still looks like
one."""


@dataclass(frozen=True)
class Attribution:
    """A pair explained. ``map`` and ``gallery_map``: (128, 128) float32 over the probe's and the photo's pixels,
    positive where they speak for the match, None for a side not asked for. ``regions``: sum of the probe's map (else
    the photo's) over each part of the face. ``delta``: see ``Side``, the worse of the sides; ``done``: share of the
    work, 1.0 unless cancelled."""

    method: str
    map: np.ndarray | None
    gallery_map: np.ndarray | None
    score: float
    baseline: str | None
    baseline_score: float | None
    delta: float | None
    relative_delta: float | None
    regions: dict[str, float]
    parameters: dict
    seconds: float
    done: float

    @property
    def complete(self) -> bool:
        return self.done >= 1.0


class Explainer:
    """Explains pairs with a copy of the recognizer's network, so that nothing it hooks or asks gradients of is shared
    with searches going on. One explanation is computed at a time; threads wait for each other, and may be cancelled
    waiting."""

    def __init__(self, recognizer: Recognizer, cache: int = 64, fast: bool | None = None):
        """``cache``: how many results are kept. ``fast``: bfloat16 for the methods that may; None where the device
        has it."""
        self.model_id = recognizer.model_id
        self.fast = recognizer.half if fast is None else fast
        with torch.inference_mode(False):
            self.network = copy.deepcopy(recognizer.network).requires_grad_(False).eval()
            self.fast_network = copy.deepcopy(self.network).to(torch.bfloat16) if self.fast else self.network
        self._shuffled: dict[bool, nn.Module] = {}
        self._kept = Kept(cache)

    def remembering(self, memory: Kept) -> Explainer:
        """The same networks with another memory, for instance that of one visitor, which goes when they do. Not to be
        used while this one computes."""
        other = copy.copy(self)
        other._kept = memory
        return other

    def explain(
        self,
        probe: AlignedFace,
        target: Target,
        method: str = "ig",
        *,
        sides: Sides = "probe",
        baseline: str | np.ndarray | None = None,
        parameters: dict | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Attribution:
        """Attribute the pair's score to pixels. ``baseline``: a name, a picture (128, 128) in [0, 1], or None for the
        method's own.

        When cancelled, returns what there is (``done`` < 1), which is not kept. Raises ExplanationError,
        ExplanationCancelledError, TemplateMismatchError.
        """
        chosen, parameters = find_method(method), full_parameters(method, parameters)
        self._check(target, sides)
        base = chosen.baseline and (chosen.baseline if baseline is None else baseline)
        key = ("map", face_digest(probe), target.digest, method, sides, _baseline_key(base), _frozen(parameters))
        work = partial(self._explain, probe, target, method, sides, base, parameters, progress, cancel)
        return self._kept.once(key, work, lambda found: found.complete, cancel)

    def _explain(self, probe, target, method, sides, base, parameters, progress, cancel) -> Attribution:
        wanted = ("probe", "gallery") if sides == "both" else (sides,)
        found: dict[str, Side] = {}
        for number, side in enumerate(wanted):
            told = _part_of(progress, number, len(wanted))
            try:
                found[side] = self._side(probe, target, side, method, base, parameters, told, cancel)
            except ExplanationCancelledError:
                if not found:
                    raise
            if side not in found or found[side].done < 1.0:
                break
        first = next(iter(found.values()))
        worst = max(found.values(), key=lambda s: s.relative_delta or 0.0)
        seen = probe if "probe" in found else target.face
        return Attribution(
            method=method,
            map=found["probe"].map if "probe" in found else None,
            gallery_map=found["gallery"].map if "gallery" in found else None,
            score=first.score,
            baseline=base if base is None or isinstance(base, str) else OWN_PICTURE,
            baseline_score=first.baseline_score,
            delta=worst.delta,
            relative_delta=worst.relative_delta,
            regions=region_sums(first.map, region_labels(seen.landmarks)),
            parameters=parameters,
            seconds=sum(side.seconds for side in found.values()),
            done=sum(side.done for side in found.values()) / len(wanted),
        )

    def _side(self, probe, target, side, method, base, parameters, progress, cancel, network=None) -> Side:
        face = probe if side == "probe" else target.face
        exact = self._score(network or self.network, probe, target, side)
        score = exact
        if self.fast and METHODS[method].fast and network is None:
            score = self._score(self.fast_network, probe, target, side)
        picture = _picture(base, face)
        return attribute(
            score, gray(face), method, picture, region_labels(face.landmarks), parameters, progress, cancel, exact
        )

    def _score(self, network: nn.Module, probe: AlignedFace, target: Target, side: str) -> PairScore:
        if side == "probe":
            return probe_score(network, probe, target)
        own = probe_score(self.network, probe, target)
        with torch.inference_mode(False), torch.no_grad():
            embedding = own.embed(torch.tensor(gray(probe), device=own.device)[None, None])[0]
            vector = torch.nn.functional.normalize(embedding, dim=0).cpu().numpy()
        return gallery_score(network, vector, target)

    def believe(
        self,
        probe: AlignedFace,
        target: Target,
        attribution: Attribution,
        *,
        fill: str | np.ndarray = FILL,
        checks: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Belief:
        """Measure an attribution of this pair (its probe's map, else the photo's) against the controls. ``checks``
        adds the weight randomisation and the stability under shifts, which explain the pair three times more.

        Raises ExplanationCancelledError where cancelled before the curves were done; later it returns what there is.
        """
        self._check(target, "probe" if attribution.map is not None else "gallery")
        if checks and attribution.baseline == OWN_PICTURE:
            raise ExplanationError("The checks need a named baseline.", "Use mean, blur or black.")
        digest = hashlib.sha256(_shown(attribution).tobytes()).hexdigest()[:12]
        key = ("belief", face_digest(probe), target.digest, digest, attribution.method, _baseline_key(fill), checks)
        work = partial(self._believe, probe, target, attribution, fill, checks, progress, cancel)
        return self._kept.once(key, work, lambda found: found.done >= 1.0, cancel)

    def _believe(self, probe, target, attribution, fill, checks, progress, cancel) -> Belief:
        side = "probe" if attribution.map is not None else "gallery"
        total = 1 + (1 + len(SHIFTS) if checks else 0)
        told = _part_of(progress, 0, total)
        found, controls = self._curves(probe, target, side, _shown(attribution), fill, told, cancel)
        result = belief(found, controls)
        if not checks:
            return result
        parts = iter(range(1, total))

        def again(down: int = 0, right: int = 0) -> np.ndarray:
            now = _part_of(progress, next(parts), total)
            return self._again(probe, target, attribution, side, (down, right), now, cancel)

        try:
            other = rank_correlation(np.abs(again()), np.abs(_shown(attribution)))
            result = belief(found, controls, randomised=other, done=2 / total)
            steady = stability(again, _shown(attribution))
        except ExplanationCancelledError:
            return result if result.randomised is not None else belief(found, controls, done=1 / total)
        return belief(found, controls, randomised=other, stability=steady)

    def _curves(self, probe, target, side, shown, fill, progress, cancel) -> tuple[Curves, list[Curves]]:
        """The map's curves, and those of the controls, which belong to the pair and are kept."""
        face = probe if side == "probe" else target.face
        key = ("controls", face_digest(probe), target.digest, side, _baseline_key(fill))
        kept = self._kept.get(key)
        maps = [shown] if kept else [shown, *control_maps((FACE_SIZE, FACE_SIZE))]
        score = self._score(self.fast_network, probe, target, side)
        with torch.inference_mode(False):
            curves, done = drive(curves_of(maps, score, gray(face), _picture(fill, face)), progress, cancel)
        if done < 1.0:
            raise ExplanationCancelledError("Cancelled before the measures were done.", "Start it again.")
        controls = kept or curves[1:]
        self._kept.put(key, controls)
        return curves[0], controls

    def _again(self, probe, target, attribution, side, move, progress, cancel) -> np.ndarray:
        """The map once more, with the explained face moved, or, where it is not, with shuffled weights."""
        if any(move):
            face = _moved(probe if side == "probe" else target.face, *move)
            probe, target = (face, target) if side == "probe" else (probe, replace(target, face=face))
        network = None if any(move) else self._shuffled_network(METHODS[attribution.method].fast)
        settings = (attribution.method, attribution.baseline, attribution.parameters)
        found = self._side(probe, target, side, *settings, progress, cancel, network)
        if found.done < 1.0:
            raise ExplanationCancelledError("Cancelled before the checks were done.", "Start it again.")
        return found.map

    def _shuffled_network(self, fast: bool) -> nn.Module:
        if fast not in self._shuffled:
            self._shuffled[fast] = randomised(self.fast_network if fast else self.network)
        return self._shuffled[fast]

    def _check(self, target: Target, sides: str) -> None:
        if target.model_id != self.model_id:
            raise TemplateMismatchError(
                f"The target was made by {target.model_id}; explanations here are of {self.model_id}.",
                "Enrol the face again with this model.",
            )
        if sides not in ("probe", "gallery", "both"):
            raise ExplanationError(f"There is no side {sides!r}.", "Use probe, gallery or both.")
        if sides != "probe" and target.face is None:
            raise ExplanationError(
                f"There is no photo behind {target.name}.", "Compare with a photo, or explain the probe."
            )


def _part_of(progress: Progress | None, number: int, parts: int) -> Progress | None:
    """Progress of one of several equal parts."""
    return progress and (lambda share: progress((number + share) / parts))


def _shown(attribution: Attribution) -> np.ndarray:
    return attribution.gallery_map if attribution.map is None else attribution.map


def _picture(base: str | np.ndarray | None, face: AlignedFace) -> np.ndarray | None:
    if base is None or isinstance(base, str):
        return None if base is None else baseline_picture(base, face)
    if base.shape != (FACE_SIZE, FACE_SIZE):
        raise ExplanationError(f"The baseline is {base.shape}.", f"It must be {FACE_SIZE}×{FACE_SIZE}, in [0, 1].")
    return np.asarray(base, np.float32)


def _baseline_key(base: str | np.ndarray | None) -> str | None:
    if base is None or isinstance(base, str):
        return base
    return hashlib.sha256(np.ascontiguousarray(base, np.float32).tobytes()).hexdigest()[:12]


def _frozen(parameters: dict) -> tuple:
    return tuple(sorted(parameters.items()))


def _moved(face: AlignedFace, down: int, right: int) -> AlignedFace:
    return face.with_(
        pixels=np.ascontiguousarray(shifted(face.pixels, down, right)),
        landmarks=face.landmarks + np.array([right, down]),
        mask=shifted(face.mask, down, right),
    )
