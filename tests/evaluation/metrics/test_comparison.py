"""Every measure against an independent one: scikit-learn, SciPy, or a loop a child could follow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from ssn.evaluation import metrics


@st.composite
def comparisons(draw, ties=True):
    genuine, impostor = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    steps = 12 if ties else 10**6
    values = draw(st.lists(st.integers(-steps, steps), min_size=genuine + impostor, max_size=genuine + impostor))
    same = np.array([True] * genuine + [False] * impostor)
    order = np.array(draw(st.permutations(range(len(same)))))
    return np.array(values)[order] / steps, same[order]


@given(comparisons())
def test_auc_agrees_with_scikit_learn_also_with_ties(case):
    scores, same = case
    assert metrics.auc(scores, same) == pytest.approx(roc_auc_score(same, scores), abs=1e-12)


@given(comparisons())
def test_roc_agrees_with_scikit_learn(case):
    scores, same = case
    fpr, tpr, thresholds = metrics.roc(scores, same)
    expected = roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0], atol=1e-12)
    np.testing.assert_allclose(tpr, expected[1], atol=1e-12)
    np.testing.assert_allclose(thresholds, expected[2])


@given(comparisons(), st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.5, 1.0]))
def test_tpr_at_fpr_is_the_best_of_all_thresholds_by_a_loop(case, target):
    scores, same = case
    best = 0.0
    for threshold in [np.inf, *scores]:
        accepted = scores >= threshold
        if accepted[~same].mean() <= target:
            best = max(best, accepted[same].mean())
    assert metrics.tpr_at_fpr(scores, same, target) == pytest.approx(best)


@given(comparisons())
def test_eer_lies_between_the_neighbouring_errors_of_its_crossing(case):
    scores, same = case
    value = metrics.eer(scores, same)
    worst = [
        max((scores[~same] >= t).mean(), (scores[same] < t).mean())
        for t in [np.inf, *np.unique(scores), scores.min() - 1]
    ]
    least = [
        min((scores[~same] >= t).mean(), (scores[same] < t).mean())
        for t in [np.inf, *np.unique(scores), scores.min() - 1]
    ]
    assert max(least) - 1e-12 <= value <= min(worst) + 1e-12


def test_eer_of_two_normal_distributions_is_the_closed_form():
    rng = np.random.default_rng(0)
    same = np.repeat([True, False], 200_000)
    scores = np.where(same, 2.0, 0.0) + rng.standard_normal(len(same))
    assert metrics.eer(scores, same) == pytest.approx(0.158655, abs=2e-3)  # Φ(−1)


def test_eer_is_zero_for_separated_scores_and_one_for_inverted_ones():
    same = np.array([True, True, False, False])
    assert metrics.eer(np.array([0.9, 0.8, 0.1, 0.2]), same) == 0.0
    assert metrics.eer(np.array([0.1, 0.2, 0.9, 0.8]), same) == 1.0


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=300), st.sampled_from([0.0, 0.001, 0.01, 0.2, 0.5]))
def test_no_more_impostors_than_asked_reach_the_threshold_and_a_lower_one_lets_more_in(values, target):
    impostor = np.array(values) / 20
    threshold = metrics.threshold_at_fmr(impostor, target)
    assert (impostor >= threshold).mean() <= target
    below = impostor[impostor < threshold].max()
    assert (impostor >= below).mean() > target


def test_accuracy_judges_each_fold_by_the_others():
    """One outlying genuine pair cannot pull its own fold's threshold down to itself."""
    scores = np.concatenate([np.full(9, 0.9), [0.2], np.full(10, 0.1)])
    same = np.repeat([True, False], 10)
    assert metrics.best_threshold(scores, same) < 0.2
    assert metrics.cross_validated_accuracy(scores, same, folds=10) == pytest.approx(19 / 20)


@given(comparisons())
def test_best_threshold_beats_or_equals_every_other(case):
    scores, same = case
    right = ((scores >= metrics.best_threshold(scores, same)) == same).mean()
    assert all(right >= ((scores >= t) == same).mean() - 1e-12 for t in [*scores, 2.0, -2.0])


def test_chance_scores_have_half_accuracy_and_half_auc():
    rng = np.random.default_rng(1)
    same = np.arange(4000) % 2 == 0
    scores = rng.random(4000)
    assert metrics.cross_validated_accuracy(scores, same) == pytest.approx(0.5, abs=0.03)
    assert metrics.auc(scores, same) == pytest.approx(0.5, abs=0.03)


@given(st.integers(0, 10_000))
def test_cmc_agrees_with_sorting_every_probe_by_hand(seed):
    rng = np.random.default_rng(seed)
    gallery_ids = np.concatenate([np.arange(6), rng.integers(0, 6, 4)])
    probe_ids = rng.integers(0, 6, 15)
    scores = rng.random((15, 10))
    expected = np.zeros(5)
    for row, own in zip(scores, probe_ids, strict=True):
        order = list(dict.fromkeys(gallery_ids[np.argsort(-row)].tolist()))
        expected += np.arange(1, 6) > order.index(own)
    np.testing.assert_allclose(metrics.cmc(scores, probe_ids, gallery_ids), expected / 15)


def test_cmc_counts_a_tie_against_the_probe():
    assert metrics.cmc(np.array([[0.5, 0.5]]), np.array([0]), np.array([0, 1]), ranks=2) == [0.0, 1.0]


def test_cmc_refuses_a_probe_nobody_enrolled():
    with pytest.raises(ValueError, match="not in the gallery"):
        metrics.cmc(np.zeros((1, 2)), np.array([7]), np.array([0, 1]))


@pytest.mark.parametrize(
    ("scores", "same"),
    [([0.1, 0.2], [True, True]), ([0.1], [True, False]), ([np.nan, 0.2], [True, False])],
    ids=["one kind only", "lengths differ", "not a number"],
)
def test_impossible_questions_are_refused(scores, same):
    with pytest.raises(ValueError, match=r"needed|vectors|number"):
        metrics.auc(np.array(scores), np.array(same))
