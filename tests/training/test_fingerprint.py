"""A state knows its data: any change of them is noticed, and where they lie is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.errors import CheckpointError
from ssn.training.distill.run import Distillation, distill
from ssn.training.fingerprint import fingerprint
from ssn.training.runner import run_stage
from ssn.training.search.algorithm1 import Search
from ssn.training.search.people import choose_people
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny
from tests.training.toys import Toys, toy_crops


def changed(field: str):
    faces = drawn_crops()
    array = getattr(faces, field).copy()
    array[3] = {"sources": "other", "nir": True}.get(field, 7)
    return replace(faces, **{field: array})


@pytest.mark.parametrize("field", ["pixels", "landmarks", "descriptors", "identities", "sources", "nir"])
def test_every_array_counts(field):
    assert fingerprint(drawn_crops()) == fingerprint(drawn_crops())
    assert fingerprint(changed(field)) != fingerprint(drawn_crops())


def test_faces_on_disk_are_the_same_faces(tmp_path):
    faces = drawn_crops()
    np.save(tmp_path / "pixels.npy", faces.pixels)
    mapped = replace(faces, pixels=np.load(tmp_path / "pixels.npy", mmap_mode="r"))
    assert fingerprint(mapped) == fingerprint(faces)


@pytest.mark.parametrize("field", ["pixels", "descriptors", "nir"])
def test_a_distillation_does_not_go_on_with_other_faces(field, tmp_path):
    distill(drawn_crops(), CONFIG, tmp_path, Team("cpu"), backbone=tiny(), stop_at=1, progress=False)
    with pytest.raises(CheckpointError, match="other faces"):
        distill(changed(field), CONFIG, tmp_path, Team("cpu"), backbone=tiny(), resume=True, progress=False)


def test_a_search_does_not_go_on_with_other_photos_of_the_same_people(tmp_path):
    run_stage(Toys().make(Search), tmp_path, stop_at=1, progress=False)
    other = Toys()
    pixels = other.faces.pixels.copy()
    pixels[5] = 255 - pixels[5]
    other.faces = replace(other.faces, pixels=pixels)
    other.people = choose_people(other.faces, 0)
    with pytest.raises(CheckpointError, match="other faces"):
        run_stage(other.make(Search), tmp_path, resume=True, progress=False)


class OnDisk:
    """Pixels that can be had row by row only."""

    def __init__(self, pixels: np.ndarray):
        self.pixels, self.shape, self.dtype, self.most = pixels, pixels.shape, pixels.dtype, 0

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows):
        taken = self.pixels[rows]
        self.most = max(self.most, taken.size // self.pixels[0].size)
        return taken

    def __array__(self, *_, **__):
        raise AssertionError("all pixels at once were asked for")


def test_training_reads_a_batch_of_rows_and_never_all_of_them():
    faces = drawn_crops()
    on_disk = replace(faces, pixels=OnDisk(faces.pixels))
    run = Distillation(on_disk, CONFIG, Team("cpu"), tiny())
    run.step()
    run.close()
    assert on_disk.pixels.most == CONFIG.batch
    toys = Toys()
    toys.faces = replace(toy_crops(), pixels=OnDisk(toys.faces.pixels))
    stage = toys.make(Search)
    stage.step()
    stage.close()
    assert toys.faces.pixels.most == toys.recipe.batches.micro
