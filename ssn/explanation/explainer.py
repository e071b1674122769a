"""The one object the page and the command line need: a question in, attribution and belief out, remembered while there
is room."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

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
    effort,
    randomised,
    rank_correlation,
    shifted,
    stability,
)
from ssn.explanation.cache import Memory
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.registry import METHODS, Side, attribute, drive, find_method, full_parameters
from ssn.explanation.pair import PairScore, gallery_score, probe_score
from ssn.explanation.question import NOBODY, Baseline, Question, SideName, Watch, baseline_key
from ssn.faces.parts import region_labels, region_sums
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.recognizer import Recognizer

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
    parameters: Mapping[str, object]
    seconds: float
    done: float

    @property
    def complete(self) -> bool:
        return self.done >= 1.0

    @property
    def side(self) -> SideName:
        """The side that is measured and summed over regions: the probe's, where it was asked for."""
        return "gallery" if self.map is None else "probe"

    @property
    def main_map(self) -> np.ndarray:
        """The map of that side."""
        shown = self.gallery_map if self.map is None else self.map
        assert shown is not None
        return shown


class Explainer:
    """Explains pairs with a copy of the recognizer's network, so that nothing it hooks or asks gradients of is shared
    with searches going on. One explanation is computed at a time; threads wait for each other, and may be cancelled
    waiting."""

    def __init__(self, recognizer: Recognizer, cache: int = 64, fast: bool | None = None):
        """``cache``: how many results are remembered. ``fast``: bfloat16 for the methods that may; None where the
        device has it."""
        self.model_id = recognizer.model_id
        self.fast = recognizer.half if fast is None else fast
        with torch.inference_mode(False):
            self.network: nn.Module = copy.deepcopy(recognizer.network).requires_grad_(False).eval()
            self.fast_network = copy.deepcopy(self.network).to(torch.bfloat16) if self.fast else self.network
        self._shuffled: dict[bool, nn.Module] = {}
        self._memory = Memory(cache)

    def remembering(self, memory: Memory) -> Explainer:
        """The same networks with another memory, for instance that of one visitor, which goes when they do. Not to be
        used while this one computes."""
        other = copy.copy(self)
        other._memory = memory
        return other

    def explain(self, question: Question, watch: Watch = NOBODY) -> Attribution:
        """Attribute the pair's score to pixels. When stopped, answers what there is (``done`` < 1), which is not
        remembered. Raises ExplanationError, ExplanationCancelledError, TemplateMismatchError."""
        question = _completed(question)
        self._check(question, question.sides)
        work = partial(self._explain, question, watch)
        return self._memory.once(("map", *question.key), work, lambda answer: answer.complete, watch.cancel)

    def _explain(self, question: Question, watch: Watch) -> Attribution:
        wanted: tuple[SideName, ...] = ("probe", "gallery") if question.sides == "both" else (question.sides,)
        answers: dict[SideName, Side] = {}
        for number, side in enumerate(wanted):
            try:
                answers[side] = self._side(question, side, watch.part(number, len(wanted)))
            except ExplanationCancelledError:
                if not answers:
                    raise
            if side not in answers or answers[side].done < 1.0:
                break
        main, first = next(iter(answers.items()))
        worst = max(answers.values(), key=lambda side: side.relative_delta or 0.0)
        base = question.baseline
        return Attribution(
            method=question.method,
            map=answers["probe"].map if "probe" in answers else None,
            gallery_map=answers["gallery"].map if "gallery" in answers else None,
            score=first.score,
            baseline=base if base is None or isinstance(base, str) else OWN_PICTURE,
            baseline_score=first.baseline_score,
            delta=worst.delta,
            relative_delta=worst.relative_delta,
            regions=region_sums(first.map, region_labels(question.face(main).landmarks)),
            parameters=question.parameters,
            seconds=sum(side.seconds for side in answers.values()),
            done=sum(side.done for side in answers.values()) / len(wanted),
        )

    def _side(self, question: Question, side: SideName, watch: Watch, network: nn.Module | None = None) -> Side:
        """One side explained by the question's method; by another ``network`` than the recognizer's where one is
        given."""
        face = question.face(side)
        exact = self._score(network or self.network, question, side)
        score = exact
        if self.fast and METHODS[question.method].fast and network is None:
            score = self._score(self.fast_network, question, side)
        return attribute(
            score,
            gray(face),
            question.method,
            None if question.baseline is None else _picture(question.baseline, face),
            region_labels(face.landmarks),
            question.parameters,
            watch,
            exact,
        )

    def _score(self, network: nn.Module, question: Question, side: SideName) -> PairScore:
        if side == "probe":
            return probe_score(network, question.probe, question.target)
        own = probe_score(self.network, question.probe, question.target)
        with torch.inference_mode(False), torch.no_grad():
            embedding = own.embed(torch.tensor(gray(question.probe), device=own.device)[None, None])[0]
            vector = torch.nn.functional.normalize(embedding, dim=0).cpu().numpy()
        return gallery_score(network, vector, question.target)

    def believe(
        self,
        question: Question,
        attribution: Attribution,
        *,
        fill: Baseline = FILL,
        checks: bool = False,
        quick: bool = False,
        watch: Watch = NOBODY,
    ) -> Belief:
        """Measure an attribution of the question's pair (its probe's map, else the photo's) against the controls, in
        fewer steps where it is to be ``quick``. ``checks`` adds the weight randomisation and the stability under
        shifts, which explain the pair three times more.

        Raises ExplanationCancelledError where stopped before the curves were done; later it answers what there is.
        """
        self._check(question, attribution.side)
        if checks and attribution.baseline == OWN_PICTURE:
            raise ExplanationError("The checks need a named baseline.", "Use mean, blur or black.")
        digest = hashlib.sha256(attribution.main_map.tobytes()).hexdigest()[:12]
        key = ("belief", *question.pair_key, digest, attribution.method, baseline_key(fill), checks, quick)
        work = partial(self._believe, question, attribution, fill, checks, quick, watch)
        return self._memory.once(key, work, lambda answer: answer.done >= 1.0, watch.cancel)

    def _believe(
        self, question: Question, attribution: Attribution, fill: Baseline, checks: bool, quick: bool, watch: Watch
    ) -> Belief:
        total = 1 + (1 + len(SHIFTS) if checks else 0)
        shown = attribution.main_map
        curves, controls = self._curves(question, attribution, fill, quick, watch.part(0, total))
        result = belief(curves, controls)
        if not checks:
            return result
        parts = iter(range(1, total))

        def again(down: int = 0, right: int = 0) -> np.ndarray:
            return self._again(question, attribution, (down, right), watch.part(next(parts), total))

        try:
            other = rank_correlation(np.abs(again()), np.abs(shown))
            result = belief(curves, controls, randomised=other, done=2 / total)
            steady = stability(again, shown)
        except ExplanationCancelledError:
            return result if result.randomised is not None else belief(curves, controls, done=1 / total)
        return belief(curves, controls, randomised=other, stability=steady)

    def _curves(
        self, question: Question, attribution: Attribution, fill: Baseline, quick: bool, watch: Watch
    ) -> tuple[Curves, list[Curves]]:
        """The map's curves, and those of the controls, which belong to the pair and are remembered."""
        side = attribution.side
        face = question.face(side)
        key = ("controls", *question.pair_key, side, baseline_key(fill), quick)
        steps, draws = effort(quick)
        known: list[Curves] | None = self._memory.get(key)
        maps = [attribution.main_map]
        if known is None:
            maps += control_maps((FACE_SIZE, FACE_SIZE), draws)
        score = self._score(self.fast_network, question, side)
        with torch.inference_mode(False):
            curves, done = drive(curves_of(maps, score, gray(face), _picture(fill, face), steps), watch)
        if done < 1.0:
            raise ExplanationCancelledError("Cancelled before the measures were done.", "Start it again.")
        controls = curves[1:] if known is None else known
        self._memory.put(key, controls)
        return curves[0], controls

    def _again(self, question: Question, attribution: Attribution, move: tuple[int, int], watch: Watch) -> np.ndarray:
        """The map once more, with the explained face moved, or, where it is not, with shuffled weights."""
        side = attribution.side
        question = replace(
            question,
            method=attribution.method,
            baseline=attribution.baseline,
            parameters=attribution.parameters,
        )
        network = None
        if any(move):
            question = question.with_face(side, _moved(question.face(side), *move))
        else:
            network = self._shuffled_network(METHODS[attribution.method].fast)
        answer = self._side(question, side, watch, network)
        if answer.done < 1.0:
            raise ExplanationCancelledError("Cancelled before the checks were done.", "Start it again.")
        return answer.map

    def _shuffled_network(self, fast: bool) -> nn.Module:
        if fast not in self._shuffled:
            self._shuffled[fast] = randomised(self.fast_network if fast else self.network)
        return self._shuffled[fast]

    def _check(self, question: Question, sides: str) -> None:
        if question.target.model_id != self.model_id:
            raise TemplateMismatchError(
                f"The target was made by {question.target.model_id}; explanations here are of {self.model_id}.",
                "Enrol the face again with this model.",
            )
        if sides not in ("probe", "gallery", "both"):
            raise ExplanationError(f"There is no side {sides!r}.", "Use probe, gallery or both.")
        if sides != "probe":
            question.face("gallery")


def _completed(question: Question) -> Question:
    """The question with the method's own baseline and parameters where it names none. Raises ExplanationError for an
    unknown method or parameter."""
    method, base = find_method(question.method), question.baseline
    if method.baseline is None:
        base = None
    elif base is None:
        base = method.baseline
    return replace(question, baseline=base, parameters=full_parameters(question.method, question.parameters))


def _picture(baseline: Baseline, face: AlignedFace) -> np.ndarray:
    """A baseline by name or as it is → (128, 128) float32 in [0, 1]. Raises ExplanationError for another shape."""
    if isinstance(baseline, str):
        return baseline_picture(baseline, face)
    if baseline.shape != (FACE_SIZE, FACE_SIZE):
        raise ExplanationError(f"The baseline is {baseline.shape}.", f"It must be {FACE_SIZE}×{FACE_SIZE}, in [0, 1].")
    return np.asarray(baseline, np.float32)


def _moved(face: AlignedFace, down: int, right: int) -> AlignedFace:
    return face.with_(
        pixels=np.ascontiguousarray(shifted(face.pixels, down, right)),
        landmarks=None if face.landmarks is None else face.landmarks + np.array([right, down]),
        mask=shifted(face.mask, down, right),
    )
