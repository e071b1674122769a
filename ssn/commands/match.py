"""``match``: photos → the people of a gallery who are most like each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.alike import ALIKE, HELP, NONE, AlikeAnswer, AlikeSearch, check_alike
from ssn.commands.enrolling import Enroller
from ssn.commands.options import (
    DEFAULT,
    Bits,
    Checkpoint,
    Device,
    FaceNumber,
    JsonFile,
    Numbered,
    Page,
    SpectrumName,
    check_choices,
    index_option,
    occlusion_option,
    one_photo_only,
    read_probe,
    say,
    subject_of,
    warn,
)
from ssn.errors import DataError, SSNError
from ssn.faces.types import AlignedFace
from ssn.gallery.cohort import Cohort, cohort_of
from ssn.gallery.index import find_over
from ssn.gallery.people_folder import read_folder
from ssn.gallery.registry import DEFAULT_INDEX, find_index, open_store, scheme_of
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import RULES, SEARCH_RULE, SearchRates, find_rule, summary
from ssn.recognizer import Recognizer, Template


def match(
    photos: Annotated[list[Path], typer.Argument(help="One or more probes.")],
    gallery: Annotated[
        str,
        typer.Option(
            help="A gallery file, a folder of photos to enrol for this once, or http://host:19530 for one on Milvus."
        ),
    ],
    k: Annotated[int, typer.Option("--k", min=1, help="How many ranks to show.")] = 5,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = 0,
    over: Annotated[
        str, typer.Option(help="A person's several templates count as their best score, or the mean.")
    ] = "best",
    index: Annotated[str, index_option()] = DEFAULT_INDEX,
    rule: Annotated[
        str, typer.Option(help=f"How scores become verdicts: {', '.join(RULES)}. search needs the model's cohort file.")
    ] = SEARCH_RULE,
    rate: Annotated[
        float, typer.Option(help="With the rule search: the share of strangers' searches that may end in a match.")
    ] = SearchRates().match,
    alike: Annotated[str, typer.Option(metavar=f"[{'|'.join(ALIKE)}]", help=HELP)] = NONE,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Search photos in a gallery: for each the k people most like it, with scores and verdicts."""
    check_choices(spectrum, occlusion)
    one_photo_only(len(photos), numbered=numbered)
    find_index(index)
    find_rule(rule)
    check_alike(alike)
    counted = find_over(over)
    from_folder = not scheme_of(gallery) and Path(gallery).is_dir()
    if not scheme_of(gallery) and not Path(gallery).exists():
        raise DataError(f"There is no gallery {gallery}.", "Name a gallery file or a folder of photos.")
    rates = SearchRates.around(rate)
    recognizer = Recognizer.load(checkpoint, device)

    def read(photo: Path) -> AlignedFace:
        return read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)

    probes = [_probe(recognizer, photo, read, alone=len(photos) == 1) for photo in photos]
    with open_store(":memory:" if from_folder else gallery, recognizer.model_id, recognizer.device, index) as store:
        if from_folder:
            Enroller(store, recognizer).enrol_folder(read_folder(Path(gallery)))
        known = [probe.template for probe in probes if probe.template is not None]
        found = store.search_many(known, k, recognizer.card.thresholds, rule, counted)
        if rule == SEARCH_RULE and (cohort := cohort_of(checkpoint, recognizer.model_id)) is not None:
            seen = [probe for probe in probes if probe.template is not None]
            found = [_judged(cohort, probe, store, rates, one) for probe, one in zip(seen, found, strict=True)]
        answers: list[AlikeAnswer] = []
        if alike != NONE:
            like = AlikeSearch(alike, recognizer, checkpoint, store, device)
            answers = [like.answer(probe.seen, k, rule, rates) for probe in probes if probe.seen is not None]
            found = [answer.matches for answer in answers]
    alongside: list[AlikeAnswer | None] = [*answers] if answers else [None] * len(found)
    coming = zip(found, alongside, strict=True)
    rows, blocks = [], []
    for probe in probes:
        if probe.template is not None:
            matches, answer = next(coming)
            rows.append({"photo": str(probe.photo), "face": probe.face, **_matches(matches, answer)})
            text = _text(matches, answer)
            blocks.append(text if len(probes) == 1 else f"{probe.photo}\n{text}")
        else:
            rows.append({"photo": str(probe.photo), "matches": [], "error": str(probe.error)})
    say("\n\n".join(blocks), rows, json_file)
    _refuse([probe.error for probe in probes if probe.error is not None], len(probes))


@dataclass(frozen=True)
class _Probe:
    """A photo's aligned face, its template and which face it is, or why it has none."""

    photo: Path
    seen: AlignedFace | None = None
    template: Template | None = None
    face: dict = field(default_factory=dict)
    error: SSNError | None = None


def _probe(recognizer: Recognizer, photo: Path, read: Callable[[Path], AlignedFace], alone: bool) -> _Probe:
    """``alone`` says that the photo's error, if there is one, is the command's."""
    try:
        face = read(photo)
        return _Probe(photo, face, recognizer.embed(face), subject_of(face))
    except SSNError as error:
        if not alone:
            warn(photo, error)
        return _Probe(photo, error=error)


def _judged(
    cohort: Cohort, probe: _Probe, store: GalleryStore, rates: SearchRates, matches: list[Match]
) -> list[Match]:
    """The matches of a probe with the verdicts of its search, where its condition was measured."""
    if probe.seen is None or probe.template is None:
        return matches
    judges = judges_of(cohort, probe.seen, probe.template, store, rates)
    return matches if judges is None else judges.judged(matches)


def _refuse(errors: list[SSNError], photos: int) -> None:
    """Exit with status 2 where a photo could not be used; the reason of an only one is the error."""
    if errors and photos == 1:
        raise errors[0]
    if errors:
        raise typer.Exit(2)


def _matches(matches: list[Match], answer: AlikeAnswer | None) -> dict:
    if answer is None:
        return {"matches": [_row(one) for one in matches]}
    return {"matches": [{**_row(one), **answer.row(one)} for one in matches], "alike": answer.facts()}


def _row(found: Match) -> dict:
    return {"rank": found.rank, "person": found.person, "score": found.score, "verdict": found.verdict}


def _text(matches: list[Match], answer: AlikeAnswer | None) -> str:
    scores = {} if answer is None or answer.search is None else answer.search.reranking.scores
    lines = [] if answer is None else [answer.text()]
    for m in matches:
        score = f"{m.score:+.3f}"
        if m.template_id in scores:
            score = f"{scores[m.template_id]:+.3f} (ordinary score {score})"
        lines.append(f"{m.rank}. {m.person:<30} {score}  {m.verdict}")
    return "\n".join([*lines, summary([m.verdict for m in matches])]).rstrip()
