"""What the workbench's panels share: the visitor's bench, and how a step on it is taken and shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import Block

from app.kit.events import PRIVATE, Update
from app.kit.notices import error_notice, nothing_yet
from app.session import Session, Sessions
from app.workbench.bench import Bench
from app.workbench.visit import Visit
from ssn.errors import SSNError


class Panel(Protocol):
    """A part of the workbench: laid out where it is made, then connected, then shown every new bench."""

    @property
    def outputs(self) -> list[Block]:
        """The components :meth:`renew` may change."""
        ...

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """What it shows of a bench. ``branch`` is the spectrum whose indicators are wanted, ``overlay`` whether maps
        lie over the face."""
        ...


class ProblemPanel(Panel, Protocol):
    """The panel that says what was wrong, and who is in the photo."""

    problem: gr.HTML

    @property
    def naming(self) -> list[Block]: ...

    def names(self, bench: Bench) -> Update:
        """The components of ``naming`` for this bench."""
        ...


class ModePanel(Panel, Protocol):
    """The panel that says what is hidden."""

    mode: gr.Radio
    facts: gr.HTML


class ViewPanel(Panel, Protocol):
    """The panel whose options say how the blocks are shown."""

    overlay: gr.Checkbox

    @property
    def view(self) -> list[Block]: ...


class ReasonPanel(Panel, Protocol):
    """The panel that explains."""

    @property
    def asked(self) -> tuple[gr.Dropdown, gr.Checkbox]:
        """How it is explained: the method, and whether against the runner-up."""
        ...

    def rest(self, text: str) -> Update:
        """Nothing is being explained any more; ``text`` says why."""
        ...


class NewsPanel(Panel, Protocol):
    """The panel that shows more of a visit than its bench."""

    def news(self, visit: Visit) -> Update:
        """What has changed since this was last asked."""
        ...


class Desk:
    """The panels, and the handlers' common part. A handler runs in its visitor's turn."""

    def __init__(
        self,
        sessions: Sessions,
        probe: ProblemPanel,
        occlusion: ModePanel,
        blocks: ViewPanel,
        matches: Panel,
        why: ReasonPanel,
    ):
        self.sessions = sessions
        self.probe, self.occlusion, self.blocks, self.matches, self.why = probe, occlusion, blocks, matches, why
        self.under_way: list[Any] = []
        """The dependencies that explain or sweep, once they are connected."""
        self.story: Panel | None = None
        """The strip above the others."""
        self.below: list[Panel] = []
        """Panels below the bench that follow from every step."""
        self.trail: NewsPanel | None = None
        """The strip of states left behind, which is one of those."""

    @property
    def view(self) -> list[Block]:
        """How the visitor wants the blocks' pictures, as inputs of handlers."""
        return list(self.blocks.view)

    @property
    def _fading(self) -> dict[str, Any]:
        """What marks the results as old while a step is under way; the style fades all of them as one."""
        return {"show_progress": "minimal", "show_progress_on": [self.occlusion.facts]}

    @property
    def everything(self) -> list[Panel]:
        return [self.probe, self.occlusion, *self.results]

    @property
    def results(self) -> list[Panel]:
        """The panels that follow from every stroke."""
        return [self.blocks, *self.search_results]

    @property
    def search_results(self) -> list[Panel]:
        """Those that follow from the gallery."""
        return [self.matches, self.why, *self.below]

    def listen(self, event: Callable, handler: Callable, inputs: list, panels: Sequence[Panel], **more: Any) -> None:
        """Connect a handler that may change the bench: no event is dropped, and what is under way is cancelled."""
        outputs = list(dict.fromkeys([self.probe.problem, *(output for panel in panels for output in panel.outputs)]))
        options = PRIVATE | {"trigger_mode": "multiple", "concurrency_id": "workbench", "cancels": self.under_way}
        event(handler, inputs, outputs, **options | self._fading | more)

    def visit(self, request: gr.Request) -> tuple[Session, Visit]:
        session = self.sessions.of(request)
        return session, session.part(Visit)

    @contextlib.contextmanager
    def changing(self, request: gr.Request) -> Iterator[Visit]:
        """The visitor's turn to change the bench. What is under way ends when this is asked for."""
        session, visit = self.visit(request)
        visit.interrupt()
        with session.turn():
            yield visit

    def take(
        self,
        request: gr.Request,
        step: Callable[[Bench | None], Bench | None],
        overlay: bool,
        panels: Sequence[Panel] | None = None,
    ) -> Update:
        """Take a step and show its result in every panel, or in these, or say what was wrong and leave everything as it
        was. A step that needs a bench answers None without one."""
        with self.changing(request) as visit:
            before = visit.bench
            try:
                bench = step(before)
            except SSNError as error:
                return self.refused(visit, error)
            if bench is None:
                return {**self.no_probe(visit), self.occlusion.mode: "none"}
            visit.put(bench)
            own = "vis" if bench.before is None else bench.before.face.branch
            return self.show(self.everything if panels is None else panels, visit, own, overlay)

    def search(self, request: gr.Request, step: Callable[[Bench], Bench]) -> Update:
        """Take a step that changes matches only, where there is a bench."""
        with self.changing(request) as visit:
            if visit.bench is None:
                return self.no_probe(visit) if visit.forgotten else gr.skip()
            visit.put(step(visit.bench))
            return self.show(self.search_results, visit, "", False)

    def show(self, panels: Sequence[Panel], visit: Visit, branch: str, overlay: bool) -> Update:
        """The visitor's bench in these panels, and what else there is to tell of the visit."""
        shown: Update = {}
        for panel in panels:
            shown |= {} if visit.bench is None else panel.renew(visit.bench, branch, overlay)
        return shown if self.trail is None else shown | self.trail.news(visit)

    def refused(self, visit: Visit, error: SSNError) -> Update:
        """What was wrong. The bench stays; an explanation of it was cancelled when the step was asked for."""
        news = {} if self.trail is None else self.trail.news(visit)
        return {self.probe.problem: error_notice(error, visit.bench is not None), **self.why.rest(""), **news}

    def no_probe(self, visit: Visit) -> Update:
        """A step needs a probe, and there is none yet, or none any more."""
        return {self.probe.problem: nothing_yet(visit.forgotten, "Choose a photo or an example first.")}
