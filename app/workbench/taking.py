"""What a visitor takes along of a probe: its report as sections, which become HTML and PDF, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.kit.pictures import heat_map, indicator_ends, is_uniform, stored_picture
from app.services import Services
from app.workbench.alike_html import rescoring
from app.workbench.bench import Bench
from app.workbench.occlusion import modes
from app.workbench.reasons import Reason
from ssn.errors import NoFaceError
from ssn.explanation.methods.registry import METHODS
from ssn.gallery.search_verdict import frequency, search_words
from ssn.gallery.verdict import NO_THRESHOLDS, by_rate, rate_meaning, rate_name, words
from ssn.models.block_maps import shift

SIDE = 256
"""Pixels of a side of the report's pictures."""
GROUPS = (
    "Scores say how alike two pictures look to this network. They identify nobody by themselves.",
    "Error rates differ between groups of people: by age, sex, origin and skin, and children are confused more often "
    "than adults. A rate in this report holds for people and pictures like those it was measured on; for others it can "
    "be many times as high.",
    "Never decide about a person by this alone.",
)


@dataclass(frozen=True)
class Figure:
    """A picture and what it shows."""

    picture: Image.Image
    caption: str


@dataclass(frozen=True)
class Section:
    """``facts`` are (name, value) pairs; ``table`` has its head first; ``warning`` makes it stand out."""

    title: str
    text: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    warning: bool = False


@dataclass(frozen=True)
class TakenReport:
    """A probe as it stands on the bench, in words and pictures."""

    title: str
    sections: tuple[Section, ...]


def report_of(services: Services, bench: Bench, reason: Reason | None) -> TakenReport:
    """Everything the page shows of this probe. ``reason`` is the explanation that stands on the page, if one does.
    Raises NoFaceError before a face is chosen."""
    if bench.after is None:
        raise NoFaceError("There is nothing to take along yet.", "Choose a probe first.")
    sections = [_warning(), _probe(bench), _matches(services, bench), _blocks(services, bench)]
    sections += [] if reason is None else [_why(reason)]
    return TakenReport(f"SSN Studio: {bench.photo.title}", (*sections, _model(services, bench)))


def _warning() -> Section:
    return Section("Before you rely on this", GROUPS, warning=True)


def _probe(bench: Bench) -> Section:
    before, after = bench.looks
    titles = {name: title for title, name in modes()}
    spectrum = "VIS" if bench.choice == "vis" else ("simulated NIR" if bench.simulated_now else "NIR")
    facts = (
        ("Photo", bench.photo.title),
        ("Faces found", f"{len(bench.photo.boxes)}, of which number {(bench.index or 0) + 1} is looked at"),
        ("Seen as", spectrum),
        ("Hidden part", f"{titles.get(bench.mode, bench.mode)}, {100 * bench.occluded_share:.1f} % of the face"),
    )
    mask = np.where(bench.mask, 0, 235).astype(np.uint8)
    pictures: list[tuple[np.ndarray, str]] = [
        (before.face.pixels, "The aligned face"),
        (after.face.pixels, "As the network saw it"),
        (mask, "Mask: black is hidden"),
    ]
    if before.visibility is not None:
        seen = np.round(255 * before.visibility).astype(np.uint8)
        pictures.append((seen, "Visibility v of the complete face: black is hidden by something worn or held"))
    return Section("Probe", facts=facts, figures=tuple(Figure(_grown(pixels), text) for pixels, text in pictures))


def _grown(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def verdict_text(services: Services, bench: Bench) -> tuple[str, ...]:
    """What is said of rank 1."""
    if bench.search_problem:
        return (bench.search_problem,)
    if not bench.matches:
        return ("The gallery is empty.",)
    best, thresholds = bench.matches[0], services.recognizer.card.thresholds
    if bench.judges is not None and bench.searched_rates:
        said = search_words(bench.matches, bench.judges, bench.rescored)
        match, uncertain = frequency(bench.rates.match), frequency(bench.rates.uncertain)
        rates = f"At most {match} is called a match, {uncertain} at least uncertain."
        return f"{said.head}. {said.why}", rates
    if rescoring(bench):
        return (
            "Re-ranked by the enrolled faces behind the same mask. No verdict: no thresholds were measured for it.",
        )
    said = words(best.person, best.score, best.verdict, thresholds)
    return (f"{said.head}. {said.why}",)


def _matches(services: Services, bench: Bench) -> Section:
    judged = bench.searched_rates or bool(services.recognizer.card.thresholds and not bench.rescored)
    head = ("Rank", "Person", "Score", "Without occlusion", *(["Like with like"] if bench.rescored else []), "Verdict")
    rows = []
    for match, complete in zip(bench.matches, bench.complete_scores, strict=True):
        alike = bench.rescored.get(match.template_id)
        scored = [] if not bench.rescored else ["" if alike is None else f"{alike:.3f}"]
        verdict = match.verdict if judged else ""
        rows.append((str(match.rank), match.person, f"{match.score:.3f}", f"{complete:.3f}", *scored, verdict))
    return Section(
        "Matches",
        verdict_text(services, bench),
        figures=_enrolled(services, bench),
        table=(head, *rows) if rows else (),
    )


def _enrolled(services: Services, bench: Bench) -> tuple[Figure, ...]:
    pictures = services.gallery.face_images([match.template_id for match in bench.matches])
    faces = ((match, pictures.get(match.template_id)) for match in bench.matches)
    return tuple(
        Figure(_grown(np.asarray(stored_picture(data))), f"{match.rank}  {match.person}")
        for match, data in faces
        if data
    )


def block_figures(bench: Bench, adaptive: bool, side: int = SIDE) -> list[tuple[str, Figure]]:
    """The pictures of the four blocks by a name for their file: response, shift, and the indicator, if any.
    ``adaptive`` says whether the model's indicators are."""
    before, after = bench.looks
    named: list[tuple[str, Figure]] = []
    for now, complete in zip(after.maps, before.maps, strict=True):
        change, top = shift(now, complete), float(complete.response.max())
        reach, block = float(np.abs(change).max()), f"block {now.number}"
        response = heat_map(now.response, 0, top, "response", after.face.pixels, side)
        moved = heat_map(change, -reach, reach, "shift", before.face.pixels, side)
        named.append((f"block{now.number}-response", Figure(response, f"Response of {block}, 0 to {top:.3g}")))
        named.append((f"block{now.number}-shift", Figure(moved, f"Shift of {block}, ±{reach:.3g}")))
        if now.indicator is not None and not is_uniform(now.indicator):
            low, high = indicator_ends(now.indicator, adaptive)
            looked = heat_map(now.indicator, low, high, "indicator", before.face.pixels, side)
            said = f"Indicator of {block}, {low:.2f} to {high:.2f}"
            named.append((f"block{now.number}-indicator", Figure(looked, said)))
    return named


def _blocks(services: Services, bench: Bench) -> Section:
    named = block_figures(bench, services.recognizer.adaptive)
    text = [
        "Response: what reached the next layer, bright where the network found something it uses. Shift: what the "
        "hidden part changed, red where the network reacts more than to the complete face, blue where it reacts less.",
    ]
    if any(name.endswith("-indicator") for name, _ in named):
        text.append(
            "Indicator: what the block’s maps are multiplied by, from the lowest value under the picture, dark blue, "
            "to the highest, yellow."
        )
    return Section("What each block saw", tuple(text), figures=tuple(figure for _, figure in named))


def reason_figure(reason: Reason, side: int = SIDE) -> Figure:
    """The map that explains the match, over the face."""
    values = reason.found.main_map
    reach = float(np.percentile(np.abs(values), 99)) or float(np.abs(values).max()) or 1.0
    return Figure(
        heat_map(values, -reach, reach, "shift", reason.face.pixels, side), "Red speaks for the match, blue against"
    )


def _why(reason: Reason) -> Section:
    found, belief = reason.found, reason.belief
    facts = [("Method", METHODS[found.method].title), ("Score", f"{found.score:+.3f}")]
    facts += [("Rather than", reason.rival)] if reason.rival else []
    if found.baseline is not None and found.baseline_score is not None:
        facts.append(("Baseline", f"{found.baseline}, score {found.baseline_score:+.3f}"))
    if not found.complete:
        text = "The map is unfinished: it was stopped."
    elif belief is None:
        text = "Whether this map can be believed was not measured: it was stopped before."
    else:
        text = f"This map is {belief.verdict}."
        facts += [
            (
                "Deletion",
                f"{belief.curves.deletion_auc:.3f} (control {belief.control_deletion_auc:.3f}, lower is better)",
            ),
            (
                "Insertion",
                f"{belief.curves.insertion_auc:.3f} (control {belief.control_insertion_auc:.3f}, higher is better)",
            ),
        ]
    regions = sorted(found.regions.items(), key=lambda item: -abs(item[1]))
    table: Sequence[tuple[str, ...]] = [
        ("Part of the face", "Sum"),
        *((name, f"{value:+.4f}") for name, value in regions),
    ]
    return Section(f"Why {reason.name}?", (text,), tuple(facts), (reason_figure(reason),), tuple(table))


def _model(services: Services, bench: Bench) -> Section:
    card, recognizer = services.recognizer.card, services.recognizer
    facts = (
        ("Model", recognizer.model_id),
        ("Architecture", card.architecture),
        ("Saliency search", "yes" if card.searched else "none: its indicators say nothing"),
        ("Device", str(recognizer.device)),
        ("People in the gallery", f"{len(services.gallery.people()):,}"),
        ("Also hide the same part of the gallery's faces", "yes" if bench.alike else "no"),
        ("Strangers called a match", f"{100 * bench.rates.match:g} %"),
    )
    rows = tuple((rate_name(rate), f"{score:.3f}", rate_meaning(rate)) for rate, score in by_rate(card.thresholds))
    head = ("Rate of one comparison", "Score", "Verdict without a cohort")
    text = () if rows else (NO_THRESHOLDS,)
    return Section("Model and settings", text, facts, table=(head, *rows) if rows else ())
