"""Measures of belief on a network that looks at one known place."""

import numpy as np
import pytest
import torch
from scipy.stats import t as student_t
from torch import nn

from ssn.errors import ExplanationError
from ssn.explanation.belief import (
    STUDENT,
    Curves,
    belief,
    cell_means,
    centred_map,
    control_maps,
    curves_of,
    randomised,
    rank_correlation,
    removal_ranks,
    shifted,
    stability,
)
from ssn.explanation.methods.registry import attribute, drive
from ssn.explanation.pair import PairScore
from ssn.explanation.question import NOBODY
from tests.explanation.toys import MaxEmbedder


class Corner(nn.Module):
    """Embedding (mean of the 16×16 pixels at ``place``, ``rest``): the cosine to the first axis rises with that mean
    alone, the more evenly the larger ``rest`` is."""

    def __init__(self, place: tuple[int, int] = (8, 8), rest: float = 0.2):
        super().__init__()
        self.rest = nn.Parameter(torch.tensor(rest))
        self.place = place

    def forward(self, gray, branch):
        y, x = self.place
        mean = gray[:, 0, y : y + 16, x : x + 16].mean(dim=(1, 2))
        return torch.stack([mean, self.rest.expand_as(mean)], dim=1)


@pytest.fixture
def corner() -> tuple[PairScore, np.ndarray, np.ndarray, np.ndarray]:
    """The score, a white face, a black baseline, and the true map."""
    truth = np.zeros((64, 64), np.float32)
    truth[8:24, 8:24] = 1.0
    return PairScore(Corner(), "vis", torch.tensor([1.0, 0.0])), np.ones_like(truth), np.zeros_like(truth), truth


@pytest.fixture
def even(corner):
    """The same with a score that is nearly a straight line, so that one cell more is worth as much as another."""
    return PairScore(Corner(rest=1.0), "vis", torch.tensor([1.0, 0.0])), *corner[1:]


def measured(maps, corner):
    score, face, baseline, _ = corner
    found, _ = drive(curves_of([*maps, *control_maps((64, 64))], score, face, baseline), NOBODY)
    return [belief(curves, found[len(maps) :]) for curves in found[: len(maps)]]


def test_the_true_map_is_believed_and_its_opposite_is_not(even):
    truth = even[3]
    right, wrong, guess = measured([truth, -truth, centred_map((64, 64))], even)
    assert right.verdict == "better than controls"
    assert wrong.verdict == "no better than controls"
    assert guess.verdict == "no better than controls"
    assert right.curves.deletion_auc < 0.1 / np.sqrt(2)
    assert right.curves.insertion_auc > 0.9 / np.sqrt(2)


def test_curves_in_closed_form(corner):
    """The patch is 4 of 64 cells: in the true order it is gone after the first of 16 steps, and back after it."""
    score, face, baseline, truth = corner
    (curves,), _ = drive(curves_of([truth], score, face, baseline, steps=16), NOBODY)
    full = 1 / np.hypot(1, 0.2)
    np.testing.assert_allclose(curves.share, np.arange(17) / 16)
    np.testing.assert_allclose(curves.deletion, [full, *[0.0] * 16], atol=1e-6)
    np.testing.assert_allclose(curves.insertion, [0.0, *[full] * 16], atol=1e-6)
    assert curves.deletion_auc == pytest.approx(full / 32, abs=1e-6)
    assert curves.insertion_auc == pytest.approx(full * 31 / 32, abs=1e-6)


@pytest.mark.parametrize("method", ["ig", "saliency", "occlusion", "deeplift"])
def test_methods_find_the_place(even, method):
    score, face, baseline, truth = even
    found = attribute(score, face, method, baseline)
    (result,) = measured([found.map], even)
    assert result.verdict == "better than controls"
    inside = np.abs(found.map[truth > 0]).sum() / np.abs(found.map).sum()
    assert inside > (0.3 if method == "occlusion" else 0.999)  # windows reach beyond the patch


def test_a_map_that_wins_one_curve_is_called_partly_better():
    share = np.array([0.0, 1.0])
    controls = [Curves(share, np.array([0.5, 0.5]), np.array([0.5, 0.5]))] * 4
    half = belief(Curves(share, np.array([0.2, 0.2]), np.array([0.4, 0.4])), controls)
    assert half.verdict == "partly better than controls"
    equal = belief(controls[0], controls)
    assert equal.verdict == "no better than controls"


def test_the_harder_control_counts():
    share = np.array([0.0, 1.0])
    centred = Curves(share, np.full(2, 0.3), np.full(2, 0.6))
    drawn = [Curves(share, np.full(2, v), np.full(2, v)) for v in (0.4, 0.5, 0.6)]
    result = belief(Curves(share, np.full(2, 0.35), np.full(2, 0.9)), [centred, *drawn])
    assert result.control_deletion == pytest.approx({"centred": 0.3, "random": 0.5})
    assert result.control_deletion_auc == pytest.approx(0.3)
    assert result.control_insertion_auc == pytest.approx(0.6)
    assert result.verdict == "partly better than controls"


def test_better_is_what_exceeds_the_noise():
    """Six areas of random orders (each draw taken away and brought back) with Student's interval for a seventh."""
    share = np.linspace(0, 1, 5)
    flat = lambda value: Curves(share, np.full(5, value), np.full(5, value))  # noqa: E731
    drawn = [flat(value) for value in (0.4, 0.5, 0.6)]
    areas = [0.4, 0.5, 0.6] * 2
    half_width = student_t.ppf(0.975, 5) * np.std(areas, ddof=1) * np.sqrt(1 + 1 / 6)
    for gain, sure in ((half_width - 0.01, False), (half_width + 0.01, True)):
        result = belief(Curves(share, np.full(5, 0.5 - gain), np.full(5, 0.5)), [flat(0.9), *drawn])
        assert result.random_noise == pytest.approx(half_width, rel=1e-3)
        found = result.gain("deletion")
        assert (found.over, found.sure) == ("random", sure)
        assert found.value == pytest.approx(gain)
        assert result.verdict == ("partly better than controls" if sure else "no better than controls")


def test_what_the_steps_may_hide_is_noise():
    share = np.linspace(0, 1, 5)
    steep = Curves(share, np.array([1.0, 0, 0, 0, 0]), np.ones(5))
    assert steep.step_error("deletion") == pytest.approx(0.25 - 0.125)
    assert steep.step_error("insertion") == 0


def test_students_points():
    for count, point in STUDENT.items():
        assert point == pytest.approx(student_t.ppf(0.975, count - 1), abs=1e-3)


def test_ranks_go_by_cells_highest_first():
    picture = np.zeros((16, 16))
    picture[8:, 8:] = 2
    picture[:8, 8:] = 1
    ranks = removal_ranks(picture)
    assert (ranks[8:, 8:] == 0).all()
    assert (ranks[:8, 8:] == 1).all()
    assert sorted(np.unique(ranks)) == [0, 1, 2, 3]
    np.testing.assert_array_equal(ranks, removal_ranks(picture))
    with pytest.raises(ExplanationError, match="do not fill"):
        cell_means(np.zeros((10, 16)))


def test_equal_cells_come_scattered():
    order = removal_ranks(np.zeros((64, 64)))[::8, ::8]
    assert abs(np.corrcoef(order.ravel(), np.arange(64))[0, 1]) < 0.3


def test_shuffled_weights_keep_their_values_and_forget_their_places():
    network = MaxEmbedder()
    before = [p.clone() for p in network.parameters()]
    other = randomised(network)
    for old, kept, new in zip(before, network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(old, kept, rtol=0, atol=0)
        torch.testing.assert_close(old.flatten().sort().values, new.flatten().sort().values, rtol=0, atol=0)
    assert not torch.equal(network.out.weight, other.out.weight)


def test_rank_correlation():
    a = np.random.default_rng(0).random((8, 8))
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1.0)
    assert rank_correlation(a, -a) == pytest.approx(-1.0)
    assert rank_correlation(a, np.ones_like(a)) == 0.0


def test_a_map_that_moves_with_the_face_is_stable():
    picture = np.random.default_rng(0).random((32, 32))
    assert stability(lambda down, right: shifted(picture, down, right), picture) == pytest.approx(1.0)
    assert stability(lambda down, right: picture, picture) < 0.5
    np.testing.assert_array_equal(shifted(picture, 3, 0)[3:], picture[:-3])
