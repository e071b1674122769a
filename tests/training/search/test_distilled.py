"""What distillation goes on asking against a naive loop, and what it can be told apart from."""

import numpy as np
import pytest
import torch

from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.targets import Targets
from ssn.training.search.distilled import DistilledKnowledge
from ssn.training.search.people import choose_people
from tests.training.toys import toy_crops


@pytest.fixture(scope="module")
def distilled():
    crops = toy_crops()
    people = choose_people(crops, 0)
    wanted = Targets(crops, DistillConfig().identity_pull).unit[people.rows].double()
    mixing = torch.randn(128, 256, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    said = torch.nn.functional.normalize(wanted @ mixing, dim=1)  # a base that knows all the teacher does
    return DistilledKnowledge(crops, people, said), wanted, said


def test_a_network_that_knows_it_all_has_nothing_to_learn(distilled):
    term, _, said = distilled
    everyone = torch.arange(len(said))
    assert float(term(3 * said, everyone)) == pytest.approx(0, abs=2e-3), "whatever the embeddings' length"
    assert float(term(said.roll(1, 0), everyone)) > 0.05


def test_the_term_is_that_of_a_loop(distilled):
    term, wanted, _ = distilled
    places = torch.tensor([3, 0, 5])
    embedding = torch.randn(3, 256, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    bank, sharp = wanted.numpy(), DistillConfig().sharpness
    total = 0.0
    for row, place in zip(embedding.numpy(), places.tolist(), strict=True):
        answer = row @ term.map.numpy()
        answer /= np.linalg.norm(answer)
        q, p = (np.exp(sharp * bank @ side) for side in (answer, bank[place]))
        q, p = q / q.sum(), p / p.sum()
        total += 1 - answer @ bank[place] + DistillConfig().ranking * (p * np.log(p / q)).sum()
    assert float(term(embedding, places)) == pytest.approx(total / 3, rel=1e-9)


def test_it_is_neither_trained_nor_saved(distilled):
    assert not list(distilled[0].parameters())
    assert not distilled[0].state_dict()
