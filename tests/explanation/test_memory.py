"""Results are remembered where the visitor keeps them, and nowhere else."""

from __future__ import annotations

import torch

from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Explainer
from ssn.explanation.question import Question
from tests.explanation.toys import LinearEmbedder, smooth_face, stand_in, target_of


def test_one_network_with_a_memory_for_each_visitor():
    generator = torch.Generator().manual_seed(0)
    network = LinearEmbedder(torch.randn(4, 128 * 128, generator=generator), torch.randn(4, generator=generator))
    explainer, mine, other = Explainer(stand_in(network)), Memory(4), Memory(4)
    face, target = smooth_face(1), target_of([1.0, 0.0, 0.0, 0.0])
    question = Question(face, target, "ig", parameters={"steps": 4})
    found = explainer.remembering(mine).explain(question)
    assert explainer.remembering(mine).explain(question) is found
    assert (len(mine), len(other)) == (1, 0)
    again = explainer.remembering(other).explain(question)
    assert again is not found
    assert (again.map == found.map).all()
    assert len(explainer._memory) == 0
