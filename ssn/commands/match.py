"""``match``: photos → the people of a gallery who are most like each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ssn.answers.enrolling import Enroller
from ssn.answers.faces import check_choices
from ssn.answers.search import Probe, Wanted, probe_row, search_probes
from ssn.commands.alike import ALIKE, HELP, NONE, AlikeAnswer, AlikeSearch, check_alike
from ssn.commands.enrolling import enrol_folder, enroller
from ssn.commands.interrupt import interruptible
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
    index_option,
    occlusion_option,
    one_photo_only,
    read_probe,
    say,
    warn,
)
from ssn.errors import DataError, SSNError
from ssn.faces.types import AlignedFace
from ssn.files import printable
from ssn.gallery.cohort import cohort_of
from ssn.gallery.people_folder import read_folder
from ssn.gallery.registry import DEFAULT_INDEX, find_index, open_store, scheme_of
from ssn.gallery.search_verdict import cover_words
from ssn.gallery.store import Match
from ssn.gallery.verdict import RULES, SEARCH_RULE, SearchRates, summary
from ssn.recognizer import Recognizer
from ssn.visibility import VisibilityFinder, covered_shares, shared_visibility


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
    page: Page = None,
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
    check_alike(alike)
    wanted = Wanted(k, rule, SearchRates.around(rate), over)
    from_folder = not scheme_of(gallery) and Path(gallery).is_dir()
    if not scheme_of(gallery) and not Path(gallery).exists():
        raise DataError(f"There is no gallery {gallery}.", "Name a gallery file or a folder of photos.")
    recognizer = Recognizer.load(checkpoint, device)

    def read(photo: Path) -> AlignedFace:
        return read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)

    visibility = shared_visibility(device) if alike == NONE else None  # else AlikeSearch looks
    with interruptible() as stop:
        probes = [
            _not_reached(photo) if stop else _probe(recognizer, visibility, photo, read, alone=len(photos) == 1)
            for photo in photos
        ]
    with open_store(":memory:" if from_folder else gallery, recognizer.model_id, recognizer.device, index) as store:
        if from_folder:
            _enrol_for_this_once(Path(gallery), enroller(store, recognizer))
        cohort = cohort_of(checkpoint, recognizer.model_id)
        found = search_probes(store, recognizer, cohort, probes, wanted)
        answers: list[AlikeAnswer | None] = [None] * len(probes)
        if alike != NONE:
            like = AlikeSearch(alike, recognizer, checkpoint, store, device)
            answers = [None if p.face is None else like.answer(p.face, k, rule, wanted.rates) for p in probes]
    outcomes = [
        Outcome(probe, matches if answer is None else answer.matches, rule, answer)
        for probe, matches, answer in zip(probes, found, answers, strict=True)
    ]
    rows = [outcome.row() for outcome in outcomes]
    say("\n\n".join(_blocks(outcomes)), rows, json_file)
    _refuse([probe.error for probe in probes if probe.error is not None], len(probes), stop.status)


def _enrol_for_this_once(folder: Path, enrolling: Enroller) -> None:
    """Raises DataError where nobody could be enrolled; ends the command where somebody wished it, rather than search
    among some of the people."""
    report, status = enrol_folder(enrolling, read_folder(folder))
    warn(folder, report.text("memory"))
    if status:
        raise typer.Exit(status)
    if not report.enrolled:
        raise DataError(f"Nobody in {folder} could be enrolled.", "The reasons stand above, one for each file.")


def _probe(
    recognizer: Recognizer,
    visibility: VisibilityFinder | None,
    photo: Path,
    read: Callable[[Path], AlignedFace],
    alone: bool,
) -> Probe:
    """``alone`` says that the photo's error, if there is one, is the command's."""
    try:
        face = read(photo)
        (covered,) = covered_shares(visibility, [face])
        return Probe(str(photo), face, recognizer.embed(face), covered=covered)
    except SSNError as error:
        if not alone:
            warn(photo, error)
        return Probe(str(photo), error=error)


def _not_reached(photo: Path) -> Probe:
    error = DataError("Not reached: interrupted.", "Run it again.")
    warn(photo, error)
    return Probe(str(photo), error=error)


def _refuse(errors: list[SSNError], photos: int, interrupted: int) -> None:
    """Exit with status 2 where a photo could not be used, or that of an interruption; the reason of an only one is the
    error."""
    if errors and photos == 1:
        raise errors[0]
    if interrupted or errors:
        raise typer.Exit(interrupted or 2)


@dataclass(frozen=True)
class Outcome:
    """A photo's ``matches`` by the verdict ``rule``, and the ``answer`` like with like they are of, if it was asked
    for."""

    probe: Probe
    matches: list[Match]
    rule: str
    answer: AlikeAnswer | None

    @property
    def covered(self) -> float:
        """The share of the face that something hides of which the search took no account, in [0, 1]."""
        return self.probe.covered if self.answer is None else self.answer.covered

    def row(self) -> dict:
        """For JSON."""
        row = probe_row(self.probe, self.matches)
        if self.answer is None:
            return row
        row["covered"] = self.covered
        for shown, match in zip(row["matches"], self.matches, strict=True):
            shown.update(self.answer.row(match))
        return {**row, "alike": self.answer.facts()}

    def text(self) -> str:
        """What is printed of the photo."""
        search = None if self.answer is None else self.answer.search
        scores = {} if search is None else search.reranking.scores
        lines = [] if self.answer is None else [self.answer.text()]
        for m in self.matches:
            score = f"{m.score:+.3f}"
            if m.template_id in scores:
                score = f"{scores[m.template_id]:+.3f} (ordinary score {score})"
            lines.append(f"{m.rank}. {m.person:<30} {score}  {m.verdict}")
        lines.append(summary([m.verdict for m in self.matches]))
        if self.rule == SEARCH_RULE and (cover := cover_words(self.covered)):
            hint = " --alike found hides what surely shows nothing of it." if self.answer is None else ""
            lines.append(f"{cover[0].upper()}{cover[1:]}{hint}")
        return "\n".join(lines).rstrip()


def _blocks(outcomes: list[Outcome]) -> list[str]:
    """What is printed of every photo that could be used, under its name where there are several."""
    used = [(one.probe, one.text()) for one in outcomes if one.probe.error is None]
    return [text if len(outcomes) == 1 else f"{printable(probe.photo)}\n{text}" for probe, text in used]
