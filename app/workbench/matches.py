"""The workbench's Matches panel: verdict, ranked people, their scores, and a second model's opinion."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from app.kit.components import clickable, fragment
from app.kit.events import PRIVATE, Update
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
from app.workbench.strangers_figure import strangers_figure
from ssn.errors import SSNError
from ssn.gallery.verdict import SearchRates

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
            self.rate = gr.Slider(
                0.1,
                20.0,
                value=100 * SearchRates().match,
                step=0.1,
                label="Strangers called a match, %",
                visible=False,
                elem_id="match-rate",
            )
            self.strangers = gr.Plot(visible=False, show_label=False, container=False, elem_id="strangers-plot")
            self.search_facts = fragment(elem_id="search-facts")
            self.plot = gr.Plot(visible=False, show_label=False, container=False, elem_id="score-plot")
            self.second = fragment(elem_id="second-opinion")

    @property
    def outputs(self) -> list[Block]:
        return [*self.judged, self.count, *self.alike.outputs, *self.cells.outputs, self.second]

    @property
    def judged(self) -> list[Block]:
        """Those that follow from the rates."""
        return [self.banner, self.ranks, self.rate, self.strangers, self.search_facts, self.plot]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        beside = self.services.beside
        return {
            **self._verdicts(bench),
            self.count: bench.ranks,
            **self.alike.renew(bench, branch, overlay),
            **self.cells.renew(bench, branch, overlay),
            self.second: "" if beside is None else views.second_opinion(bench, beside.recognizer.card),
        }

    def _verdicts(self, bench: Bench) -> Update:
        thresholds = self.services.recognizer.card.thresholds
        pictures = self.services.gallery.face_images([match.template_id for match in bench.matches])
        known = bool(bench.matches) and bench.searched_rates
        return {
            self.banner: views.verdict_banner(bench, thresholds),
            self.ranks: views.ranking(bench, pictures, bool(thresholds)),
            self.rate: gr.Slider(value=100 * bench.rates.match, visible=known),
            self.strangers: self._strangers(bench) if known else gr.Plot(visible=False),
            self.search_facts: views.search_facts(bench),
            self.plot: self._figure(bench, thresholds),
        }

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        self.alike.connect(desk)
        self.cells.connect(desk)
        desk.listen(self.count.input, self.on_count, [self.count], desk.search_results)
        outputs = [*(output for output in self.judged if output is not self.rate), *desk.probe.naming]
        self.rate.input(
            self.on_rate, [self.rate], [*outputs, desk.probe.problem], trigger_mode="always_last", **PRIVATE
        )

    def on_count(self, ranks: int, request: gr.Request) -> Update:
        return self.desk.search(request, lambda bench: steps.set_ranks(self.services, bench, ranks))

    def on_rate(self, percent: float, request: gr.Request) -> Update:
        """Other verdicts of the same scores; what is being explained goes on."""
        session, visit = self.desk.visit(request)
        with session.turn():
            if visit.bench is None:
                return gr.skip()
            try:
                visit.amend(steps.set_rate(self.services, visit.bench, percent / 100))
            except SSNError as error:
                return {self.desk.probe.problem: error_notice(error, True)}
            shown = self._verdicts(visit.bench)
            shown |= {} if visit.bench.crowd is None else self.desk.probe.names(visit.bench)
            del shown[self.rate]  # it is under the visitor's hand
            return shown

    def _strangers(self, bench: Bench) -> gr.Plot:
        """Of the score that counts for rank 1."""
        if bench.judges is None:
            return gr.Plot(visible=False)
        _, judge = bench.judges.of(bench.matches[0], bench.rescored)
        shown = tuple(bench.rescored.values()) if judge is bench.judges.alike else bench.enrolled_scores
        return gr.Plot(strangers_figure(judge, shown), visible=True)

    def _figure(self, bench: Bench, thresholds: dict[str, float]) -> gr.Plot:
        """The scores shown in the ranking, and those they moved away from."""
        matches = list(bench.matches)
        if not matches:
            return gr.Plot(visible=False)
        if reranking := rescoring(bench):
            now = [replace(match, score=reranking.scores.get(match.template_id, match.score)) for match in matches]
            before = [match.score for match in matches]
            figure = score_bars(now, before, other_name="before re-ranking", judged=bench.searched_rates)
        else:
            other, lines = list(bench.complete_scores) if bench.mask.any() else None, bench.judges is None
            figure = score_bars(matches, other, thresholds if lines else None, judged=not lines)
        return gr.Plot(figure, visible=True)
