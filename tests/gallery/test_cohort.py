"""What a cohort says of strangers, against closed forms and against strangers drawn anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from scipy.stats import binomtest, norm

from ssn.errors import CheckpointError
from ssn.evaluation.cohort import LEAST_OF_GROUP, measure_cohort, spreads_of
from ssn.evaluation.strangers import Strangers
from ssn.gallery.cohort import (
    Cohort,
    Judge,
    Spread,
    cohort_file,
    cohort_of,
    comparison_rate,
    load_cohort,
    mixed_moments,
    save_cohort,
)
from ssn.gallery.condition import Condition
from ssn.gallery.rerank import mixed
from ssn.gallery.tail import RATES, Tail
from ssn.gallery.verdict import SearchRates, in_search
from ssn.recognizer import Template
from tests.gallery.strangers import cohort, people, templates
from tests.gallery.templates import MODEL

GAUSS = Tail(norm.isf(RATES), 1e-5, 1, "all")
WHOLE = Condition("vis", "none")


@pytest.fixture(scope="module")
def measured() -> Cohort:
    return cohort()


def judge(comparisons: int, rates: SearchRates | None = None) -> Judge:
    """Strangers' scores are normal, of mean 0.1 and deviation 0.08."""
    return Judge(0.1, 0.08, GAUSS, None, comparisons, comparisons, rates or SearchRates(), WHOLE)


def test_moments_are_those_of_the_scores():
    gallery, probes = templates(4000, 5), templates(3, 6)
    mean, deviation = Spread.of(gallery).moments(probes)
    scores = probes @ gallery.T
    assert mean == pytest.approx(scores.mean(axis=1), abs=1e-9)
    assert deviation == pytest.approx(scores.std(axis=1, ddof=1), abs=1e-9)
    z = Spread.of(gallery).normalised(probes, scores)
    assert z.mean(axis=1) == pytest.approx(np.zeros(3), abs=1e-9)
    assert z.std(axis=1, ddof=1) == pytest.approx(np.ones(3), abs=1e-9)


@given(st.floats(1e-4, 0.5), st.integers(1, 100_000))
def test_the_rate_of_one_comparison_is_that_of_a_search_over_all(rate, comparisons):
    single = comparison_rate(rate, comparisons)
    assert 1 - (1 - single) ** comparisons == pytest.approx(rate, rel=1e-6)


@given(st.sampled_from([0.01, 0.05, 0.25]), st.sampled_from([1, 10, 80, 1000]))
def test_the_threshold_is_the_closed_forms(rate, comparisons):
    """Of N independent normal scores the largest exceeds μ + σ Φ⁻¹((1 − FPIR)^(1/N)) with probability FPIR."""
    expected = 0.1 + 0.08 * norm.ppf((1 - rate) ** (1 / comparisons))
    found = judge(comparisons).score_at(rate)
    assert found == pytest.approx(expected, abs=0.004)
    assert float(judge(comparisons).search_rate(found)) == pytest.approx(rate, rel=1e-6)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.005, 0.2))
def test_the_more_are_enrolled_the_more_is_asked(few, many, rate):
    few, many = sorted((few, many))
    assert judge(few).score_at(rate) <= judge(many).score_at(rate)
    assert judge(few).search_rate(0.4) <= judge(many).search_rate(0.4)


def test_what_strangers_are_expected_to_score_adds_up_to_all_of_them():
    edges = np.linspace(-1, 1, 401)
    expected = judge(80).expected(edges)
    assert expected.sum() == pytest.approx(80, rel=0.01)
    assert (expected >= 0).all()
    middle = (edges[:-1] + edges[1:]) / 2
    assert (expected * middle).sum() / expected.sum() == pytest.approx(0.1, abs=0.01)


def test_what_is_beyond_the_data_is_said():
    assert judge(80).extrapolated(0.1 + 0.08 * 6)
    assert not judge(80).extrapolated(0.1 + 0.08 * 2)


@pytest.mark.parametrize("size", [10, 80])
@pytest.mark.parametrize("key", ["whole/vis/none", "alike/vis/mouth"])
def test_strangers_are_called_a_match_no_more_often_than_stated(measured, size, key):
    """600 strangers drawn anew search a gallery drawn anew. The rate holds within the interval of so many searches."""
    score, _, cover = key.split("/")
    condition = Condition("vis", cover, score)
    enrolled = people(size, 70 + size)
    gallery = enrolled.enrolled
    if score == "alike":
        gallery = mixed(gallery, enrolled.probes["vis", cover])
    rates = SearchRates(match=0.05)
    called = {"match": 0, "uncertain": 0, "no match": 0}
    for probe in templates(600, 4321):
        found = measured.judge(Template(probe, MODEL), condition, size, size, rates)
        called[in_search([float((gallery @ probe).max())], found.thresholds)[0]] += 1
    assert binomtest(called["match"], 600, rates.match, alternative="greater").pvalue > 0.001
    assert binomtest(called["match"] + called["uncertain"], 600, rates.uncertain, alternative="greater").pvalue > 0.001
    assert called["match"] + called["uncertain"] > 50, "nor is everybody refused"


def test_a_fixed_threshold_would_not_hold(measured):
    """Of a probe that leans as everybody does all scores are higher; what is asked of it is, too."""
    mean = measured.spreads["whole"].mean
    usual, common = templates(1, 8)[0], mean / np.linalg.norm(mean)
    asked = [measured.judge(Template(p, MODEL), WHOLE, 80, 80, SearchRates()).score_at(0.01) for p in (usual, common)]
    assert asked[1] > asked[0] + 0.05


def leaning(count: int, seed: int, way: int) -> np.ndarray:
    """Templates of a group: unit vectors that lean along one axis besides."""
    rows = templates(count, seed) + 0.35 * np.eye(256)[way]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def two_groups(plain: int, alike: int, seed: int, named: bool = True) -> Strangers:
    """So many of each, the second much alike; unless they are ``named`` all are in one group."""
    first, second = people(plain, seed, ("plain",)), people(alike, seed, ("alike",))
    probes = {
        key: np.vstack([rows, leaning(alike, 7000 * seed + place, 3)])
        for place, (key, rows) in enumerate(first.probes.items())
    }
    count = plain + alike
    groups = first.groups + second.groups if named else (("everybody",),) * count
    enrolled = np.vstack([first.enrolled, leaning(alike, 9000 * seed, 3)])
    return Strangers(enrolled, probes, np.arange(count) % 4, groups)


def test_every_group_is_asked_what_its_own_people_make_necessary():
    """Strangers of both groups drawn anew, each among 80 of their own: the rate holds in both, and whoever is of the
    other group is not asked what the group that is much alike would be."""
    counted = two_groups(200, 200, 2)
    told = measure_cohort(MODEL, two_groups(450, 50, 1), counted, lambda _: False)
    untold = measure_cohort(MODEL, two_groups(450, 50, 1, named=False), counted, lambda _: False)
    rates, asked = SearchRates(match=0.05), {}
    for group, searching in (("plain", templates(400, 4321)), ("alike", leaning(400, 4321, 3))):
        gallery = templates(80, 777) if group == "plain" else leaning(80, 777, 3)
        best = (searching @ gallery.T).max(axis=1)
        for name, found in (("told", told), ("untold", untold)):
            limits = [found.judge(Template(probe, MODEL), WHOLE, 80, 80, rates).thresholds for probe in searching]
            for called in ("match", "uncertain"):
                reached = int(sum(best[i] >= limit[called] for i, limit in enumerate(limits)))
                stated = getattr(rates, called)
                assert binomtest(reached, 400, stated, alternative="greater").pvalue > 0.001, (group, name, called)
            asked[group, name] = np.mean([limit["uncertain"] for limit in limits])
    assert asked["plain", "told"] < asked["plain", "untold"] - 0.03


def test_only_groups_of_many_have_a_mean_and_older_files_have_none(measured, tmp_path):
    few = people(60, 5)
    kept = replace(few, groups=(("few",),) * (LEAST_OF_GROUP - 1) + (("many",),) * (len(few) - LEAST_OF_GROUP + 1))
    means = spreads_of(kept)["whole"].groups
    assert means == pytest.approx(kept.enrolled[LEAST_OF_GROUP - 1 :].mean(axis=0)[None])
    older = replace(measured, spreads={name: replace(one, groups=None) for name, one in measured.spreads.items()})
    save_cohort(tmp_path / "old.safetensors", older)
    spread = load_cohort(tmp_path / "old.safetensors").spreads["whole"]
    assert spread.groups is None
    probes = templates(3, 6)
    assert spread.moments(probes)[0] == pytest.approx(probes @ spread.mean)


def test_by_cells_one_group_is_most_like_both_what_is_whole_and_what_is_seen():
    """The highest of the mixed means, not the mixture of the highest."""
    rows = [templates(60, seed) for seed in (1, 2)]
    spreads = [Spread.of(each, [np.arange(60) < 30, np.arange(60) >= 30]) for each in rows]
    probes, seen = templates(5, 3), templates(5, 4)
    mean, _ = mixed_moments(*spreads, probes, seen)
    parts = [slice(0, 60), slice(0, 30), slice(30, 60)]
    by_hand = [
        [(p @ rows[0][k].mean(axis=0) + q @ rows[1][k].mean(axis=0)) / 2 for k in parts]
        for p, q in zip(probes, seen, strict=True)
    ]
    assert mean == pytest.approx(np.max(by_hand, axis=1))


def test_no_judge_where_nothing_was_measured(measured):
    probe = Template(templates(1, 9)[0], MODEL)
    rates = SearchRates()
    assert measured.judge(probe, WHOLE, 5, 5, rates) is not None
    assert measured.judge(probe, Condition("nir", "none"), 5, 5, rates) is None
    assert measured.judge(probe, WHOLE, 0, 0, rates) is None
    assert measured.judge(replace(probe, model_id="other"), WHOLE, 5, 5, rates) is None


def test_it_is_stored_and_read_again_and_holds_nobodys_template(measured, tmp_path):
    path = tmp_path / "m.cohort.safetensors"
    save_cohort(path, measured)
    again = load_cohort(path)
    assert (again.model_id, dict(again.facts)) == (measured.model_id, dict(measured.facts))
    probe = Template(templates(1, 10)[0], MODEL)
    for key in measured.adults:
        score, branch, cover = key.split("/")
        before, after = (
            c.judge(probe, Condition(branch, cover, score), 80, 80, SearchRates()) for c in (measured, again)
        )
        assert after.thresholds == pytest.approx(before.thresholds, abs=1e-3)
        assert after.adults.group == before.adults.group
    with safe_open(str(path), framework="np") as file:
        shapes = {file.get_tensor(key).shape for key in file.keys()}  # noqa: SIM118
    assert shapes == {(256,), (256, 256), (1, 256), (len(RATES),)}, "and the mean of its one group of 500"
    assert path.stat().st_size < 2**20


def test_a_cohort_of_other_weights_is_not_used_and_that_is_logged(measured, tmp_path, caplog):
    checkpoint = tmp_path / "base.safetensors"
    assert cohort_of(checkpoint, MODEL) is None
    save_cohort(cohort_file(checkpoint), measured)
    assert cohort_of(checkpoint, MODEL).model_id == MODEL
    assert cohort_of(checkpoint, "newer") is None
    assert MODEL in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a file of ours"])
def test_a_damaged_file_is_told(tmp_path, content):
    path = tmp_path / "m.cohort.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="ssn cohort"):
        load_cohort(path)
