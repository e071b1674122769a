"""The workbench's Matches panel: verdict, ranked people, their scores, and a second model's opinion."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from app.kit.components import clickable, fragment, threshold_slider
from app.kit.events import PRIVATE, Sent, Update
from app.kit.figures import score_bars
from app.kit.notices import error_notice, step
from app.services import Services
from app.workbench import bench as steps
from app.workbench import matches_html as views
from app.workbench.alike import AlikeBox
from app.workbench.alike_html import rescoring
from app.workbench.bench import Bench
from app.workbench.cells import CellsBox
from app.workbench.desk import Desk
from app.workbench.strangers import set_threshold, strangers_message
from ssn.errors import SSNError

COUNTS = [3, steps.RANKS, 10, steps.MOST_RANKS]
"""How many people can be asked for."""


class MatchesPanel:
    """Components, and what they show of a bench; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-matches"):
            fragment(step("4", "Matches"))
            self.banner = fragment(elem_id="verdict")
            self.alike = AlikeBox(services)
            self.cells = CellsBox(services)
            self.ranks = clickable("ranks", views.ranking(None, {}))
            self.count = gr.Radio(COUNTS, value=steps.RANKS, label="People ranked", elem_id="match-count")
            self.strangers = threshold_slider("strangers")
            self.search_facts = fragment(elem_id="search-facts")
            self.plot = gr.Plot(visible=False, show_label=False, container=False, elem_id="score-plot")
            self.second = fragment(elem_id="second-opinion")

    @property
    def outputs(self) -> list[Block]:
        return [*self.judged, self.count, *self.alike.outputs, *self.cells.outputs, self.second]

    @property
    def judged(self) -> list[Block]:
        """Those that follow from the rates."""
        return [self.banner, self.ranks, self.strangers, self.search_facts, self.plot]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        beside = self.services.beside
        return {
            **self._verdicts(bench),
            self.count: bench.ranks,
            **self.alike.renew(bench, branch, overlay),
            **self.cells.renew(bench, branch, overlay),
            self.second: "" if beside is None else views.second_opinion(bench, beside.recognizer.card),
        }

    def _verdicts(self, bench: Bench, number: int = 0) -> Update:
        thresholds = self.services.recognizer.card.thresholds
        pictures = self.services.gallery.face_images([match.template_id for match in bench.matches])
        return {
            self.banner: views.verdict_banner(bench, thresholds),
            self.ranks: views.ranking(bench, pictures, bool(thresholds)),
            self.strangers: strangers_message(bench, number),
            self.search_facts: views.search_facts(bench),
            self.plot: self._figure(bench, thresholds),
        }

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        self.alike.connect(desk)
        self.cells.connect(desk)
        desk.listen(self.count.input, self.on_count, [self.count], desk.search_results)
        outputs = [*self.judged, *desk.probe.naming, desk.probe.problem]
        self.strangers.input(self.on_threshold, None, outputs, trigger_mode="multiple", **PRIVATE)

    def on_count(self, ranks: int, request: gr.Request) -> Update:
        return self.desk.search(request, lambda bench: steps.set_ranks(self.services, bench, ranks))

    def on_threshold(self, event: gr.EventData, request: gr.Request) -> Update:
        """Other verdicts of the same scores; what is being explained goes on."""
        sent = Sent(event)
        session, visit = self.desk.visit(request)
        with session.turn():
            if visit.bench is None:
                return gr.skip()
            number = sent.number("number")
            try:
                visit.amend(self._moved(visit.bench, sent))
            except SSNError as error:
                problem = error_notice(error, True)
                return {self.desk.probe.problem: problem, self.strangers: strangers_message(visit.bench, number)}
            shown = {self.desk.probe.problem: "", **self._verdicts(visit.bench, number)}
            shown |= {} if visit.bench.crowd is None else self.desk.probe.names(visit.bench)
            return shown

    def _moved(self, bench: Bench, sent: Sent) -> Bench:
        """The bench with a match from another score on, or at another percentage. Raises DataError, GalleryError."""
        score, percent = sent.decimal("score"), sent.decimal("percent")
        if score is not None:
            return set_threshold(self.services, bench, score)
        return steps.set_rate(self.services, bench, (percent or 0.0) / 100)

    def _figure(self, bench: Bench, thresholds: dict[str, float]) -> gr.Plot:
        """The scores shown in the ranking, and those they moved away from."""
        matches = list(bench.matches)
        if not matches:
            return gr.Plot(visible=False)
        if reranking := rescoring(bench):
            now = [replace(match, score=reranking.scores.get(match.template_id, match.score)) for match in matches]
            before = [match.score for match in matches]
            name = "before re-ranking" if bench.cells is None else "by whole faces"
            figure = score_bars(now, before, other_name=name, judged=bench.searched_rates)
        else:
            other, lines = list(bench.complete_scores) if bench.mask.any() else None, bench.judges is None
            figure = score_bars(matches, other, thresholds if lines else None, judged=not lines)
        return gr.Plot(figure, visible=True)
