"""``evaluate``: a protocol, or all folds of one, measured on a checkpoint and on the methods it is compared with."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.data_options import CacheFolder
from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, face_bar, say
from ssn.commands.report import CsvFile, HtmlFile, LatexFile, MarkdownFile, write_page
from ssn.data.face_store import FaceStore
from ssn.data.protocol import Protocol
from ssn.data.registry import DataRequest
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.families import FAMILIES, Material
from ssn.evaluation.matcher import Matcher, NetworkMatcher
from ssn.evaluation.material import family_matchers, family_names, learn_from_people, training_faces
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.outcome import Outcome, outcome_json, report_of, score_path
from ssn.evaluation.probes import checked, hideable
from ssn.evaluation.remembering import RememberingRecognizer
from ssn.evaluation.report import as_table, folds_as_table
from ssn.evaluation.run import Plan, data_fingerprint, evaluation_of, run
from ssn.faces.occlude import OCCLUSIONS
from ssn.models.checkpoint import BASE_CHECKPOINT, update_card
from ssn.recognizer import Recognizer


def evaluate(
    data: DataRequest,
    context: typer.Context,
    cache: CacheFolder = Path("cache"),
    workers: Annotated[int, typer.Option(min=1, help="Processes that align pictures.")] = 2,
    occlusions: Annotated[
        str, typer.Option(help=f"What is hidden of probes, separated by commas: some of {', '.join(hideable())}.")
    ] = ",".join(OCCLUSIONS),
    tell_covers: Annotated[
        bool, typer.Option(help="Tell methods that use a mask what drawn covers hide, as they are of rectangles.")
    ] = False,
    open_set: Annotated[
        bool | None,
        typer.Option(
            help="Leave half of the people out of the gallery: FNIR at FPIR 10 % and 1 %. Measured wherever there are "
            "people to leave out; asked for, it is an error where there are none."
        ),
    ] = None,
    beside: Annotated[
        list[Path] | None, typer.Option(help="Another checkpoint to measure on the same faces; may be given often.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Also measure these methods of the comparison, separated by commas, or all.")
    ] = None,
    family_checkpoint: Annotated[Path, typer.Option(help="The Light CNN that families match with.")] = BASE_CHECKPOINT,
    fine_tuned: Annotated[Path | None, typer.Option(help="Weights of the family light-cnn-finetuned.")] = None,
    onnx: Annotated[Path | None, typer.Option(help="Model file of the family onnx.")] = None,
    simulate_nir: Annotated[
        bool, typer.Option(help="Simulate NIR from VIS probes although the set has real NIR; a row says which it is.")
    ] = False,
    fast: Annotated[bool, typer.Option(help="bfloat16 where the device has it: scores move by thousandths.")] = False,
    write_card: Annotated[bool, typer.Option(help="Store the measures in the checkpoint.")] = False,
    thresholds: Annotated[
        bool,
        typer.Option(help="With --write-card: store the scores at FMR 1 % and 0.1 % too, for the page's verdicts."),
    ] = False,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    scores: Annotated[
        Path | None, typer.Option(help="File all scores (.npz), row by row; a run that was killed goes on from there.")
    ] = None,
    html: HtmlFile = None,
    pictures: Annotated[
        bool, typer.Option(help="Show the worst errors' pictures on the page; left out, it says so and shows nobody.")
    ] = True,
    markdown: MarkdownFile = None,
    csv: CsvFile = None,
    latex: LatexFile = None,
    json_file: JsonFile = None,
) -> None:
    """Measure verification and identification: AUC, EER, accuracy, TPR at FPR 1 % and 0.1 %, ranks; with occlusions,
    beside other methods, as tables and as a page."""
    _check(thresholds, write_card, fast, data.fold)
    plan = Plan(checked(occlusions.split(",")), simulate=simulate_nir, tell_covers=tell_covers, open_set=open_set)
    names = family_names(family)
    _check_files(scores, names, fine_tuned, onnx)
    protocols = data.read_folds(cache)
    others = _others(beside or [], checkpoint)
    matching = [family_checkpoint] if names else []
    loaded = _loaded([checkpoint, *others.values(), *matching], device)
    recognizer = loaded[checkpoint.resolve()]
    tuned = Recognizer.load(fine_tuned, device) if names and fine_tuned is not None else None
    material = Material(loaded[family_checkpoint.resolve()], tuned, onnx=onnx) if names else Material()
    bench = _Bench(FaceStore(cache, workers), plan, names, material, scores, len(protocols), command_line(context))
    networks = {"": recognizer} | {name: loaded[file.resolve()] for name, file in others.items()}
    for number, protocol in enumerate(protocols, start=1):
        bench.measure(protocol, number, {name: NetworkMatcher(each, fast=fast) for name, each in networks.items()})
    text, found = bench.result(data, json_file)
    if write_card:
        at, source = (None, None) if not thresholds else thresholds_of(bench.outcomes[""][0].evaluation)
        update_card(checkpoint, _card_measures(found), at, source)
    if html or markdown or csv or latex:
        shown = list(bench.outcomes.values())
        page = report_of(shown, recognizer=recognizer, tell_covers=tell_covers, pictures=pictures)
        write_page(page, html, markdown, csv, latex)
    say(text, found, json_file)


@dataclass
class _Bench:
    """Methods on protocols; ``outcomes`` by name, "" for the checkpoint itself, then others beside it, then families;
    a fold each."""

    store: FaceStore
    plan: Plan
    names: tuple[str, ...]
    material: Material
    scores: Path | None
    folds: int
    command: str
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def measure(self, protocol: Protocol, number: int, networks: dict[str, NetworkMatcher]) -> None:
        """Every method on one protocol."""
        faces = protocol_face_set(protocol, self.store, _progress)
        material = self.material
        if learn_from_people(self.names):
            material = Material(
                material.recognizer, material.fine_tuned, onnx=material.onnx, **training_faces(protocol, self.store)
            )
        methods: dict[str, Matcher] = {**networks, **family_matchers(self.names, material)}
        prints: dict[str, str] = {}
        for name, matcher in methods.items():
            path = score_path(self.scores, number, self.folds, name)
            if matcher.precision not in prints:
                prints[matcher.precision] = data_fingerprint(faces, self.plan, matcher.precision)
            outcome = self._run(faces, matcher, path, prints[matcher.precision])
            self.outcomes.setdefault(name, []).append(outcome)

    def result(self, data: DataRequest, json_file: str | None) -> tuple[str, dict]:
        """Tables to read, and the JSON: the checkpoint's, with that of each other one in ``beside``, by model id, and
        that of each family in ``families``."""
        folder = Path(json_file).parent if json_file and json_file != "-" else None
        folds = data.fold == "all"
        found = {name: outcome_json(of, data.protocol, folds, folder) for name, of in self.outcomes.items()}
        texts = [
            folds_as_table(found[name]) if folds else as_table(of[0].evaluation) for name, of in self.outcomes.items()
        ]
        own = found.pop("")
        families = {name: found.pop(name) for name in self.names}
        others = {str(each["model"]): each for each in found.values()}
        return "\n\n".join(texts), own | {
            key: made for key, made in (("beside", others), ("families", families)) if made
        }

    def _run(self, faces: FaceSet, matcher: Matcher, path: Path | None, print_of_data: str) -> Outcome:
        """One method on one protocol, with the time left."""
        with face_bar(f"{matcher.name}, {faces.name}") as told:
            filed = run(faces, matcher, self.plan, path, told, self.command, print_of_data)
        return Outcome(filed, evaluation_of(filed, faces, matcher, self.plan), faces)


def _progress(items: Iterable, what: str, total: int) -> Iterable:
    return tqdm(items, desc=what, total=total, leave=False)


def command_line(context: typer.Context) -> str:
    """The command as it was given, its options in the order of ``--help``."""
    words = ["python", "-m", "ssn", str(context.info_name)]
    for option in context.command.params:
        source, value = context.get_parameter_source(str(option.name)), context.params.get(str(option.name))
        if source is None or source.name != "COMMANDLINE":
            continue
        if isinstance(value, list | tuple):
            words += [word for each in value for word in (option.opts[0], str(each))]
        elif isinstance(value, bool):
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            words += [option.opts[0], str(value)]
    return shlex.join(words)


def _others(beside: list[Path], checkpoint: Path) -> dict[str, Path]:
    """Names of the checkpoints beside the first, which score files are called by → their files. Raises DataError for
    two of one name, or the name of a family."""
    others: dict[str, Path] = {}
    for file in beside:
        if file.stem in others or file.stem in FAMILIES or file.resolve() == checkpoint.resolve():
            raise DataError(f"{file} is measured already, or has another's name.", "Leave it out, or rename it.")
        others[file.stem] = file
    return others


def _loaded(files: Iterable[Path], device: str) -> dict[Path, Recognizer]:
    """Each checkpoint once, by where it lies; none of them looks at a picture twice."""
    places = dict.fromkeys(file.resolve() for file in files)
    return {place: RememberingRecognizer.load(place, device) for place in places}


def _check_files(scores: Path | None, names: tuple[str, ...], fine_tuned: Path | None, onnx: Path | None) -> None:
    """Refuse, before anything is measured, a score file of another kind, and a family's file without the family."""
    if scores is not None and scores.suffix != ".npz":
        raise DataError(f"{scores} is no name of a score file.", "Give it the ending .npz.")
    for name, path, option in (("light-cnn-finetuned", fine_tuned, "--fine-tuned"), ("onnx", onnx, "--onnx")):
        if (name in names) != (path is not None):
            raise DataError(f"The family {name} and {option} go together.", "Give both, or neither.")


def _card_measures(found: dict) -> dict[str, dict]:
    """What of an evaluation's JSON a card keeps, fold by fold."""
    parts = found.get("folds", [found])
    return {part["protocol"]: {"rows": part["rows"], "notes": part["notes"]} for part in parts}


def _check(thresholds: bool, write_card: bool, fast: bool, fold: str | None) -> None:
    """Refuse what would store thresholds that cannot be relied on, before anything is measured."""
    if not thresholds:
        return
    if not write_card:
        raise DataError("Thresholds are stored in the checkpoint's card.", "Add --write-card.")
    if fast:
        raise DataError("Thresholds need scores in full precision.", "Leave --fast out.")
    if fold == "all":
        raise DataError("Thresholds come from one protocol.", "Choose one fold.")


def thresholds_of(evaluation: Evaluation) -> tuple[dict[str, float], dict]:
    """One score per FMR that holds in every row, the highest of them; and where they come from: protocol, impostor
    comparisons of the row with fewest, precision. Raises DataError below 1 / rate impostors."""
    fewest = min(row.impostors for row in evaluation.rows)
    rates = evaluation.rows[0].thresholds or {"0.001": 0.0}
    needed = max(round(1 / float(rate)) for rate in rates)
    if fewest < needed:
        raise DataError(
            f"{fewest} impostor comparisons cannot tell a false match rate of 1 in {needed}.",
            f"Measure on a protocol with {needed} and more, or leave --thresholds out.",
        )
    if evaluation.precision != "float32":
        raise DataError("Thresholds need scores in full precision.", "Leave --fast out.")
    scores = {rate: max(row.thresholds[rate] for row in evaluation.rows) for rate in rates}
    source = {"protocol": evaluation.protocol, "impostors": fewest, "precision": evaluation.precision}
    return scores, source
