"""How far an explanation is to be believed, as an Explainer measures it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ssn.errors import ExplanationCancelledError
from ssn.explanation import explainer as module
from ssn.explanation.question import Question, Watch
from tests.explanation.toys import FEW, photo_target, smooth_face, target_of


def test_belief_is_measured_and_kept(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    told = []
    measured = explainer.believe(
        Question(face, target), found, fill="blur", checks=True, watch=Watch(progress=told.append)
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert measured.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    assert measured.curves.insertion[-1] == pytest.approx(found.score, abs=1e-5)
    assert set(measured.control_deletion) == {"random", "centred"}
    assert -1 <= measured.randomised <= 1
    assert -1 <= measured.stability <= 1
    assert measured.verdict == "better than controls"  # a linear network's own gradients
    assert explainer.believe(Question(face, target), found, fill="blur", checks=True) is measured


def test_belief_in_the_gallerys_side(explainer, network):
    face, target = smooth_face(0), photo_target(network, smooth_face(1))
    found = explainer.explain(Question(face, target, "saliency", sides="gallery"))
    measured = explainer.believe(Question(face, target), found, fill="blur", checks=True)
    assert measured.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    assert measured.stability is not None


def test_controls_are_measured_once_for_a_pair(explainer, monkeypatch):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    sizes = []
    plain = module.curves_of

    def curves_of(maps, *rest):
        sizes.append(len(maps))
        return plain(maps, *rest)

    monkeypatch.setattr(module, "curves_of", curves_of)
    for method in ("saliency", "input_x_gradient"):
        explainer.believe(Question(face, target), explainer.explain(Question(face, target, method)), fill="blur")
    assert sizes == [5, 1]


def test_a_quick_belief_has_fewer_steps_and_controls_of_its_own(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    whole = explainer.believe(Question(face, target), found, fill="blur")
    quick = explainer.believe(Question(face, target), found, fill="blur", quick=True)
    assert (len(whole.curves.share), len(quick.curves.share)) == (17, 7)
    assert (len(whole.drawn), len(quick.drawn)) == (3, 2)
    np.testing.assert_allclose(quick.curves.deletion[::3], whole.curves.deletion[::8], atol=1e-5)
    assert quick.verdict == whole.verdict == "better than controls"


def test_cancelling_belief_keeps_the_curves(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "saliency"))
    cancel = threading.Event()
    stop_after_curves = lambda share: cancel.set() if share >= 0.25 else None  # noqa: E731
    part = explainer.believe(
        Question(face, target), found, fill="blur", checks=True, watch=Watch(progress=stop_after_curves, cancel=cancel)
    )
    assert part.done < 1
    assert part.randomised is None
    assert part.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(ExplanationCancelledError):
        explainer.believe(Question(face, target), found, fill="black", watch=Watch(cancel=cancel))
