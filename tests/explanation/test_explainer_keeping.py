"""What an Explainer keeps, for whom and how long; cancelling it, and asking from several threads."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ssn.errors import ExplanationCancelledError
from ssn.explanation import explainer as module
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Explainer
from ssn.explanation.question import Question, Watch
from tests.explanation.toys import FEW, photo_target, smooth_face, stand_in, target_of


def counted(monkeypatch) -> list[str]:
    asked: list[str] = []
    plain = module.attribute

    def attribute(score, face, method, *rest):
        asked.append(method)
        return plain(score, face, method, *rest)

    monkeypatch.setattr(module, "attribute", attribute)
    return asked


def test_the_same_question_is_answered_once(explainer, monkeypatch):
    asked = counted(monkeypatch)
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    first = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    assert (
        explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "ig", baseline="blur", parameters=FEW))
        is first
    )
    assert asked == ["ig"]


@pytest.mark.parametrize(
    ("face", "target", "method", "settings"),
    [
        (smooth_face(1), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0, "nir"), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 5]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "deeplift", {"baseline": "blur"}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": "black", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": np.zeros((128, 128)), "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": {"steps": 5}}),
    ],
)
def test_any_other_question_is_answered_anew(explainer, monkeypatch, face, target, method, settings):
    explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "ig", baseline="blur", parameters=FEW))
    asked = counted(monkeypatch)
    explainer.explain(Question(face, target, method, **settings))
    assert asked == [method]


def test_room_is_bounded_and_the_oldest_goes(network, monkeypatch):
    explainer = Explainer(stand_in(network), cache=2)
    target = target_of([1, 2, 3, 4])
    for seed in (0, 1, 0, 2):
        explainer.explain(Question(smooth_face(seed), target, "saliency"))
    asked = counted(monkeypatch)
    explainer.explain(Question(smooth_face(0), target, "saliency"))
    assert asked == []
    explainer.explain(Question(smooth_face(1), target, "saliency"))
    assert asked == ["saliency"]


def test_a_part_is_not_kept(explainer):
    cancel = threading.Event()
    settings = {"baseline": "blur", "parameters": {"steps": 32}}
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    part = explainer.explain(
        Question(face, target, "ig", **settings), Watch(progress=lambda share: cancel.set(), cancel=cancel)
    )
    assert 0 < part.done < 1
    assert not part.complete
    whole = explainer.explain(Question(face, target, "ig", **settings))
    assert whole.complete
    assert whole.relative_delta < 0.01


def test_a_stop_between_the_sides_keeps_the_first(explainer, network):
    cancel = threading.Event()
    stop = lambda share: cancel.set() if share >= 0.5 else None  # noqa: E731
    target = photo_target(network, smooth_face(1))
    part = explainer.explain(
        Question(smooth_face(0), target, "saliency", sides="both"), Watch(progress=stop, cancel=cancel)
    )
    assert part.done == pytest.approx(0.5)
    assert part.map is not None
    assert part.gallery_map is None


def test_what_is_kept_cannot_be_changed(explainer):
    found = explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "saliency"))
    with pytest.raises(ValueError, match="read-only"):
        found.map[0, 0] = 1


def test_threads_asking_the_same_share_one_answer(explainer, monkeypatch):
    asked = counted(monkeypatch)
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: explainer.explain(Question(face, target, "occlusion", baseline="blur")), range(8))
        )
    assert asked == ["occlusion"]
    assert all(f is found[0] for f in found)


def test_who_waits_may_be_cancelled(explainer):
    entered, go_on, cancel = threading.Event(), threading.Event(), threading.Event()

    def hold(share):
        entered.set()
        go_on.wait(10)

    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(explainer.explain, Question(face, target, "saliency"), Watch(hold))
        assert entered.wait(10)
        second = pool.submit(explainer.explain, Question(smooth_face(1), target, "saliency"), Watch(cancel=cancel))
        cancel.set()
        with pytest.raises(ExplanationCancelledError, match="waiting"):
            second.result(10)
        go_on.set()
        assert first.result(10).complete


def test_the_recognizers_own_network_is_not_used(network):
    network.train()
    explainer = Explainer(stand_in(network))
    network.forward = None
    explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "saliency"))
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


def test_what_is_made_for_a_visitor_lies_in_their_own_memory_alone(explainer, monkeypatch):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    question, memory = Question(face, target, "saliency"), Memory(8)
    visitors = explainer.remembering(memory)
    visitors.believe(question, visitors.explain(question), fill="blur")
    assert len(memory) == 3  # the map, its measures, and the controls' curves
    asked = counted(monkeypatch)
    visitors.explain(question)
    assert asked == []
    explainer.explain(question)
    assert asked == ["saliency"]
    gone = weakref.ref(memory)
    del memory, visitors
    gc.collect()
    assert gone() is None


def test_a_watch_of_parts_tells_the_share_of_the_whole():
    told: list[float] = []
    watch = Watch(told.append)
    for number in range(2):
        for share in (0.5, 1.0):
            watch.part(number, 2).part(0, 1).tell(share)
    assert told == [0.25, 0.5, 0.75, 1.0]
    assert not watch.stopped
