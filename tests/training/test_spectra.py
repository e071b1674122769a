"""Real near-infrared stays what it is, in stage 0 and in the search; only what has none is simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.training import augment
from ssn.training.distill.batch import Batches as DistillBatches
from ssn.training.distill.targets import Targets
from ssn.training.search.batches import BatchConfig, Batches
from ssn.training.search.people import choose_people, halves
from ssn.training.search.warm_up import warm_start
from ssn.training.spectra import Spectra
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG
from tests.training.toys import toy_base, toy_crops, toy_recipe

NIR, VIS = 0, 1


def with_nir(nir: np.ndarray, **changes) -> StoredFaces:
    return replace(toy_crops(people=6, photos=8), nir=nir, **changes)


def mixed() -> StoredFaces:
    """Three people with two real NIR photos of eight, three with VIS alone."""
    photo, person = np.arange(48) % 8, np.arange(48) // 8
    return with_nir((person < 3) & (photo < 2))


def both() -> StoredFaces:
    """Six people, each with two real NIR photos of eight."""
    return with_nir(np.arange(48) % 8 < 2)


@pytest.fixture
def simulated(monkeypatch) -> list[torch.Tensor]:
    """Every batch that is simulated, as it is asked for."""
    calls: list[torch.Tensor] = []
    real = augment.simulate_nir

    def counted(rgb, *others):
        calls.append(rgb)
        return real(rgb, *others)

    monkeypatch.setattr(augment, "simulate_nir", counted)
    return calls


def test_only_people_and_sets_without_real_nir_are_simulated():
    identities = np.array([0, 0, 1, 1, -1, -1, -1, -1])
    sources = np.array(["a", "a", "a", "a", "a", "b", "b", "c"])
    nir = np.array([True, False, False, False, False, True, False, False])
    faces = StoredFaces(*[np.zeros((8, 1))] * 3, identities, sources, nir)
    assert Spectra(faces).simulated.tolist() == [False, False, True, True, False, False, False, True]
    assert Spectra(faces, simulate=True).simulated.tolist() == (~nir).tolist()
    assert [Spectra(each).words for each in (faces, both(), toy_crops())] == ["real and simulated", "real", "simulated"]


def test_near_infrared_that_was_drawn_is_called_simulated_and_not_simulated_again():
    """A card called the drawn people's NIR real."""
    drawn = replace(both(), drawn=both().nir)
    assert Spectra(drawn).words == "simulated"
    assert not Spectra(drawn).simulated.any()
    part = both().nir & (np.arange(len(drawn)) < len(drawn) // 2)
    assert Spectra(replace(drawn, drawn=part)).words == "real and simulated"


@pytest.mark.parametrize("faces", [mixed(), both()], ids=["mixed", "both"])
def test_distillation_is_balanced_over_spectra_and_never_simulates_real_nir(faces, simulated):
    config = replace(CONFIG, batch=16, partners=4)
    batches = DistillBatches(faces, Targets(faces, 0.4), config)
    shown, partners_differ, count = [], [], 0
    for step in range(60):
        generator = torch.Generator().manual_seed(step)
        rows, nir = batches.choose(step, generator)
        assert not (faces.nir[rows] & ~nir).any(), "real NIR is shown in NIR"
        has_real = np.isin(faces.identities[rows], faces.identities[faces.nir])
        assert not (nir & ~faces.nir[rows] & has_real).any(), "nobody's VIS is simulated who has real NIR"
        assert (faces.identities[rows[:4]] == faces.identities[rows[12:]]).all()
        partners_differ += (nir[:4] != nir[12:]).tolist()
        shown += nir.tolist()
    assert np.mean(shown) == pytest.approx(0.5, abs=0.06), "though a quarter of the photos is NIR"
    assert all(partners_differ)
    for step in range(4):
        batches(step)
        rows, nir = batches.choose(step, torch.Generator().manual_seed(config.seed * 1_000_003 + step))
        count += int((nir & ~faces.nir[rows]).sum())
    assert sum(map(len, simulated)) == count
    assert (count == 0) == bool(faces.nir[faces.identities == 5].any())


def test_where_it_is_asked_for_vis_is_simulated_beside_real_nir(simulated):
    faces = both()
    batches = DistillBatches(faces, Targets(faces, 0.4), replace(CONFIG, batch=16, partners=4, simulate_nir=True))
    for step in range(4):
        rows, nir = batches.choose(step, torch.Generator().manual_seed(step))
        assert not (faces.nir[rows] & ~nir).any()
        batches(step)
    assert simulated


def test_people_of_vis_alone_are_drawn_as_before_and_people_of_nir_alone_stay_in_nir():
    faces = with_nir(np.arange(48) // 8 == 0)
    batches = DistillBatches(faces, Targets(faces, 0.4), replace(CONFIG, batch=48, partners=0))
    rows, nir = batches.choose(0, torch.Generator().manual_seed(0))
    assert sorted(rows[faces.identities[rows] > 0]) == list(range(8, 48)), "every VIS photo once"
    assert nir[faces.identities[rows] == 0].all()


@pytest.mark.parametrize("faces", [mixed(), both()], ids=["mixed", "both"])
def test_a_micro_batch_of_the_search_shows_every_photo_in_a_spectrum_it_has(faces, simulated):
    people = choose_people(faces, 0)
    config = BatchConfig(batch=8, micro=4, size=32, mode="complete")
    batches = Batches(faces, people, np.arange(48), config, 0, 1)
    count = 0
    for number in range(12):
        parts = [batches.micro(number, part) for part in range(2)]
        assert sorted(int(part.branch[0]) for part in parts) == [NIR, VIS]
        wanted = faces.identities[people.rows[batches.places(number)]]
        for part, asked in zip(parts, wanted.reshape(2, 4), strict=True):
            rows = people.rows[part.places.numpy()]
            assert (faces.identities[rows] == asked).all(), "another photo, but the same person"
            assert (part.labels.numpy() == people.labels[part.places.numpy()]).all()
            if int(part.branch[0]) == VIS:
                assert not faces.nir[rows].any()
            else:
                has_real = np.isin(faces.identities[rows], faces.identities[faces.nir])
                assert (faces.nir[rows] == has_real).all()
                count += int((~faces.nir[rows]).sum())
    assert sum(map(len, simulated)) == count


def test_a_stand_in_comes_from_the_same_half():
    faces = both()
    people = choose_people(faces, 0)
    train, _ = halves(48, 0)
    batches = Batches(faces, people, train, BatchConfig(batch=8, micro=4, size=32), 0, 1)
    for number in range(6):
        for part in range(2):
            assert np.isin(batches.micro(number, part).places.numpy(), train).all()


def test_without_any_photo_for_a_spectrum_the_search_says_so():
    faces = with_nir(np.ones(48, bool))
    people = choose_people(faces, 0)
    with pytest.raises(DataError, match="shown in VIS"):
        Batches(faces, people, np.arange(48), BatchConfig(batch=8, micro=4, size=32), 0, 1)


def test_what_the_base_says_of_real_nir_is_said_of_the_photo_as_it_is(simulated):
    faces, base, asked = both(), toy_base(), []
    people = choose_people(faces, 0)
    base.register_forward_pre_hook(lambda module, given: asked.append(given[1].tolist()))
    warm_start(base, faces, people, toy_recipe(), Team("cpu"), bfloat16=False)
    assert not simulated
    everybody = [NIR if real else VIS for real in faces.nir[people.rows]]
    still = [branches for branches in asked if len(branches) == len(everybody)]
    assert still == [everybody, everybody], "as it is and mirrored"
    views = [branch for branches in asked if 1 < len(branches) < len(everybody) for branch in branches]
    assert views == everybody + everybody, "nor is a random view of it anything else"
