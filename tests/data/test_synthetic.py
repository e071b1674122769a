"""Protocol "synthetic": sizes, disjoint people, folds, pictures on demand, a cast that is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ssn.data import synthetic
from ssn.data.synthetic import synthetic_protocol
from ssn.errors import DataError
from ssn.places import ASSETS


@pytest.fixture(autouse=True, scope="module")
def cast_of_eight():
    """Checked once for all tests here."""
    everyone = tuple(range(8))
    patch = pytest.MonkeyPatch()
    patch.setattr(synthetic, "cast_numbers", lambda count, seed=0, cache=None: everyone[:count])
    yield
    patch.undo()


def test_one_vis_photo_each_and_simulated_nir_probes():
    protocol = synthetic_protocol(people=5, probes=3)
    assert [s.spectrum for s in protocol.gallery] == ["vis"] * 5
    assert len({s.identity for s in protocol.gallery}) == 5
    assert len(protocol.probes) == 15
    assert {s.spectrum for s in protocol.probes} == {"nir-simulated"}
    assert {s.identity for s in protocol.probes} == {s.identity for s in protocol.gallery}
    assert any("simulated" in note for note in protocol.notes)


def test_people_learned_from_are_not_tested_and_folds_differ():
    tested = []
    for fold in range(1, 11):
        protocol = synthetic_protocol(people=4, probes=1, fold=fold, train_people=4, train_photos=2)
        learned, shown = ({s.identity for s in part} for part in (protocol.train, protocol.gallery))
        assert not learned & shown
        assert len(protocol.train) == 4 * 2 * 2
        tested.append(frozenset(shown))
    assert len(set(tested)) > 3


def test_pictures_are_made_on_demand_and_stay_the_same():
    first, again = (synthetic_protocol(people=2, probes=1).probes[0] for _ in range(2))
    picture = first.image()
    assert picture.shape == (224, 224, 3)
    assert np.array_equal(picture, again.image())
    assert np.array_equal(first.landmarks, again.landmarks)
    other = synthetic_protocol(people=2, probes=1, fold=2).probes[0]
    assert not np.array_equal(picture, other.image())


def test_covered_probes_have_the_landmarks_of_bare_ones():
    bare, covered = (synthetic_protocol(people=2, probes=1, worn=worn).probes[0] for worn in ("none", "surgical"))
    assert np.array_equal(bare.landmarks, covered.landmarks)
    assert not np.array_equal(bare.image(), covered.image())


@pytest.mark.parametrize("wrong", [{"people": 1}, {"probes": 0}, {"fold": 0}, {"fold": 11}, {"worn": "hat"}])
def test_protocols_that_do_not_exist_are_refused(wrong):
    with pytest.raises(DataError):
        synthetic_protocol(**({"people": 2} | wrong))


def test_a_kept_cast_is_used_and_a_damaged_one_refused(tmp_path, monkeypatch):
    monkeypatch.undo()
    kept = tmp_path / f"cast-{synthetic._signature()}-0.json"
    kept.write_text(json.dumps([5, 6, 9]))
    real = _cast_numbers.__wrapped__
    assert real(2, 0, tmp_path) == (5, 6)
    kept.write_text("not a list")
    with pytest.raises(DataError):
        real(2, 0, tmp_path)


_cast_numbers = synthetic.cast_numbers


def test_the_cast_that_comes_with_the_project_is_what_would_be_checked(monkeypatch, tmp_path):
    monkeypatch.undo()
    shipped = synthetic._cast_file(ASSETS, 0)
    assert shipped.is_file(), "of this model and these bounds"
    assert len(set(json.loads(shipped.read_text()))) == 200
    assert synthetic.is_kept(200, tmp_path)
    real = _cast_numbers.__wrapped__
    found = real(8, 0, tmp_path)
    assert not list(tmp_path.iterdir()), "nothing had to be checked"
    monkeypatch.setattr(synthetic, "ASSETS", tmp_path)
    assert real(8, 0, tmp_path) == found
    assert synthetic._cast_file(tmp_path, 0).is_file()
