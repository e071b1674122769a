"""The workbench's Matches panel: verdict, ranked people, their scores, and a second model's opinion."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from app.kit.components import clickable, fragment
from app.kit.events import Update
from app.kit.figures import score_bars
from app.kit.notices import step
from app.services import Services
from app.workbench import matches_html as views
from app.workbench.alike import AlikeBox
from app.workbench.alike_html import rescoring
from app.workbench.bench import Bench
from app.workbench.desk import Desk


class MatchesPanel:
    """Components, and what they show of a bench; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-matches"):
            fragment(step("4", "Matches"))
            self.banner = fragment(elem_id="verdict")
            self.alike = AlikeBox(services)
            self.ranks = clickable("ranks", views.ranking(None, {}))
            self.plot = gr.Plot(visible=False, show_label=False, container=False, elem_id="score-plot")
            self.second = fragment(elem_id="second-opinion")

    @property
    def outputs(self) -> list[Block]:
        return [self.banner, *self.alike.outputs, self.ranks, self.plot, self.second]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        thresholds = self.services.recognizer.card.thresholds
        gallery, beside = self.services.gallery, self.services.beside
        pictures = gallery.face_images([match.template_id for match in bench.matches])
        return {
            self.banner: views.verdict_banner(bench, thresholds),
            **self.alike.renew(bench, branch, overlay),
            self.ranks: views.ranking(bench, pictures, bool(thresholds)),
            self.plot: self._figure(bench, thresholds),
            self.second: "" if beside is None else views.second_opinion(bench, beside.recognizer.card),
        }

    def connect(self, desk: Desk) -> None:
        self.alike.connect(desk)

    def _figure(self, bench: Bench, thresholds: dict[str, float]) -> gr.Plot:
        """The scores shown in the ranking, and those they moved away from."""
        matches = list(bench.matches)
        if not matches:
            return gr.Plot(visible=False)
        if reranking := rescoring(bench):
            now = [replace(match, score=reranking.scores.get(match.template_id, match.score)) for match in matches]
            figure = score_bars(now, [match.score for match in matches], other_name="before re-ranking")
        else:
            figure = score_bars(matches, list(bench.complete_scores) if bench.mask.any() else None, thresholds)
        return gr.Plot(figure, visible=True)
