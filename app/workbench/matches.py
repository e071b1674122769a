"""The workbench's Matches panel: verdict, ranked people, the same once more with like hidden, and a second model."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr

from app.kit.components import clickable, fragment
from app.kit.figures import score_bars
from app.kit.notices import step
from app.services import Services
from app.workbench import matches_html as views
from app.workbench.bench import Bench


class MatchesPanel:
    """The panel's components, and what they show of a bench. It is laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-matches"):
            fragment(step("4", "Matches"))
            self.banner = fragment(elem_id="verdict")
            self.alike = gr.Checkbox(
                False,
                label="Also hide the same part of the gallery faces",
                container=False,
                interactive=False,
                elem_id="alike",
            )
            self.alike_facts = fragment(views.alike_facts(None), elem_id="alike-facts")
            self.ranks = clickable("ranks", views.ranking(None, {}))
            self.plot = gr.Plot(visible=False, show_label=False, container=False, elem_id="score-plot")
            self.second = fragment(elem_id="second-opinion")

    @property
    def outputs(self) -> list:
        """What :meth:`renew` answers for."""
        return [self.banner, self.alike, self.alike_facts, self.ranks, self.plot, self.second]

    def renew(self, state: Bench) -> list:
        """After the face, the occlusion or the gallery changed."""
        thresholds = self.services.recognizer.card.thresholds
        gallery, beside = self.services.gallery, self.services.beside
        pictures = {match.template_id: gallery.face_image(match.template_id) for match in state.matches}
        return [
            views.verdict_banner(state, thresholds),
            gr.Checkbox(value=state.alike, interactive=bool(state.mask.any())),
            views.alike_facts(state),
            views.ranking(state, pictures, bool(thresholds)),
            self._figure(state, thresholds),
            "" if beside is None else views.second_opinion(state, beside.recognizer.card),
        ]

    def _figure(self, state: Bench, thresholds: dict[str, float]) -> gr.Plot:
        """The scores shown in the ranking, and those they moved away from."""
        matches = list(state.matches)
        if not matches:
            return gr.Plot(visible=False)
        if reranking := views.effective(state):
            now = [replace(match, score=reranking.scores.get(match.template_id, match.score)) for match in matches]
            figure = score_bars(now, [match.score for match in matches], other_name="before re-ranking")
        else:
            figure = score_bars(matches, list(state.complete_scores) if state.mask.any() else None, thresholds)
        return gr.Plot(figure, visible=True)
