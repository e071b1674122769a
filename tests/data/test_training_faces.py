"""Who is learned from: a miniature LFW, who is left out, and the teacher that describes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssn.data import synthetic
from ssn.data.joined_teachers import teachers_named
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.protocol import Protocol, Sample
from ssn.data.synthetic import synthetic_protocol
from ssn.data.teachers import StoredTeacher
from ssn.data.training_faces import training_faces
from ssn.errors import DataError
from ssn.faces.align import align, alignment_transform, warp
from ssn.faces.descriptor import centred, describe
from ssn.faces.detect import FaceDetector, central_face
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image
from tests.data.ready_crops import drawn, random_descriptors, write_set


def lfw_view_1(root: Path) -> Protocol:
    return lfw_protocol(LFW(root), pairs_list=None)


def test_every_picture_of_a_person_who_may_be_tested_goes(lfw_of_demo, tmp_path):
    """By a stored teacher: descriptors of the crops and of LFW's photos lie beside the archive."""
    faces, rng = tmp_path / "faces", np.random.default_rng(0)
    write_set(faces, "one", drawn(4), random_descriptors(4), identity=np.array([5, 5, 6, -1]))
    own = rng.normal(size=(4, 64))
    np.savez(faces / "one.net.npz", name=np.array([f"{i:03d}.webp" for i in range(4)]), descriptor=own)
    photos = ["Ann_Lee_0001.jpg", "Ben_Oz_0001.jpg", "Ben_Oz_0002.jpg", "Cy_Po_0001.jpg", "Di_Qu_0001.jpg"]
    known = rng.normal(size=(5, 64))
    known[4] = own[1]
    np.savez(faces / "lfw.net.npz", name=np.array(photos), descriptor=known)
    protocol = lfw_protocol(LFW(lfw_of_demo), pairs_list=None)
    crops, counts = training_faces(protocol, tmp_path / "cache", faces, StoredTeacher("net"), workers=1)
    assert (counts["one"]["images"], counts["one"]["left_out"]) == (2, 2)
    assert crops.descriptors.shape == (5, 64)
    assert np.allclose(crops.descriptors[0], own[2])
    with pytest.raises(DataError, match="no descriptors of other"):
        training_faces(protocol, tmp_path / "cache", faces, StoredTeacher("other"), workers=1)


def test_of_two_teachers_each_leaves_out_whom_it_finds_near(lfw_of_demo, tmp_path):
    faces, rng = tmp_path / "faces", np.random.default_rng(0)
    write_set(faces, "one", drawn(6), random_descriptors(6), identity=np.arange(6))
    photos = ["Ann_Lee_0001.jpg", "Ben_Oz_0001.jpg", "Ben_Oz_0002.jpg", "Cy_Po_0001.jpg", "Di_Qu_0001.jpg"]
    for name, near in (("a", 1), ("b", 4)):
        own, known = rng.normal(size=(6, 64)), rng.normal(size=(5, 64))
        known[4] = own[near]
        np.savez(faces / f"one.{name}.npz", name=np.array([f"{i:03d}.webp" for i in range(6)]), descriptor=own)
        np.savez(faces / f"lfw.{name}.npz", name=np.array(photos), descriptor=known)
    found, counts = training_faces(
        lfw_view_1(lfw_of_demo), tmp_path / "cache", faces, teachers_named("a:1+b:2"), workers=1
    )
    assert (counts["one"]["images"], counts["one"]["left_out"]) == (4, 2)
    assert found.identities[:4].tolist() == [0, 2, 3, 5]
    assert found.descriptors.shape == (7, 128)


def test_a_teacher_whose_file_belongs_to_another_set_is_refused(tmp_path):
    write_set(tmp_path, "one", drawn(2), random_descriptors(2))
    np.savez(tmp_path / "one.net.npz", name=np.array(["001.webp", "000.webp"]), descriptor=np.zeros((2, 9)))
    with pytest.raises(DataError, match="does not belong"):
        training_faces(None, tmp_path / "cache", tmp_path, StoredTeacher("net"))


def test_a_protocol_without_people_to_learn_from_says_so(tmp_path):
    with pytest.raises(DataError, match="toy has nobody to learn from"):
        training_faces(Protocol("toy"), tmp_path)


def test_real_nir_is_marked_and_failures_are_counted(demo, tmp_path):
    train = [
        Sample("a", "vis", demo[0].enrolment),
        Sample("a", "nir", demo[0].probes[0].file),
        Sample("b", "nir", tmp_path / "none.bmp"),
    ]
    crops, counts = training_faces(Protocol("toy", train=train), tmp_path / "cache")
    assert crops.nir.tolist() == [False, True]
    assert counts == {"toy": {"failures": 1, "images": 2, "left_out": 0, "real NIR": 2}}


def test_drawn_people_are_stored_once_and_their_nir_is_called_simulated(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "cast_numbers", lambda count, seed=0, cache=None: tuple(range(count)))
    protocol = synthetic_protocol(people=2, probes=1, train_people=2, train_photos=1)
    crops, counts = training_faces(protocol, tmp_path)
    assert counts == {"synthetic": {"images": 4, "left_out": 0, "simulated NIR": 2}}
    assert crops.drawn.tolist() == crops.nir.tolist()
    assert crops.nir.tolist() == [False, True] * 2, "drawn as NIR already: not to be simulated again"
    assert crops.identities.tolist() == [0, 0, 1, 1]
    monkeypatch.setattr(synthetic, "_pixels", lambda *_: pytest.fail("drawn again"))
    again, _ = training_faces(synthetic_protocol(people=2, probes=1, train_people=2, train_photos=1), tmp_path)
    assert np.array_equal(again.pixels[:], crops.pixels[:])


@pytest.fixture
def lfw_of_demo(demo, tmp_path) -> Path:
    """LFW's tree with demo people: three to learn from, one to test on, and a photo without a face."""
    root = tmp_path / "lfw"
    names = ["Ann_Lee", "Ben_Oz", "Cy_Po", "Di_Qu"]
    for name, person in zip(names, demo, strict=False):
        folder = root / "images" / name
        folder.mkdir(parents=True)
        Image.fromarray(read_image(person.enrolment)).save(folder / f"{name}_0001.jpg", quality=95)
    Image.new("RGB", (250, 250), "gray").save(root / "images" / "Ben_Oz" / "Ben_Oz_0002.jpg")
    (root / "peopleDevTrain.txt").write_text("3\nAnn_Lee\t1\nBen_Oz\t2\nCy_Po\t1\n")
    (root / "peopleDevTest.txt").write_text("1\nDi_Qu\t1\n")
    return root


def test_lfw_is_cut_described_and_freed_of_test_people(lfw_of_demo, tmp_path):
    """A ready set holds one crop of the test person and one of nobody: the first must go, LFW's own must stay."""
    root = lfw_of_demo
    image = read_image(root / "images" / "Di_Qu" / "Di_Qu_0001.jpg")
    points = find_landmarks(image, central_face(image, FaceDetector().detect(image)))
    known = describe(image, points)
    far = known + 10
    write_set(tmp_path / "faces", "one", drawn(2), np.stack([known, far]), identity=np.array([5, 2]))
    crops, counts = training_faces(lfw_view_1(root), tmp_path / "cache", tmp_path / "faces", workers=1)
    assert counts == {
        "one": {"images": 1, "left_out": 1, "compared with": "lfw: 1 pictures of test people"},
        "lfw-peopleDevTrain": {"images": 3, "left_out": 0, "failures": 1},
    }
    assert crops.sources.tolist() == ["one"] + ["lfw-peopleDevTrain"] * 3
    assert crops.identities.tolist() == [2, 6, 7, 8]
    assert np.allclose(crops.descriptors[0], far)
    ann = read_image(root / "images" / "Ann_Lee" / "Ann_Lee_0001.jpg")
    points = find_landmarks(ann, central_face(ann, FaceDetector().detect(ann)))
    assert np.array_equal(crops.pixels[1][8:136, 8:136], align(ann, points).pixels)
    whole = warp(ann, alignment_transform(points, 144), 144)
    assert np.abs(crops.pixels[1].astype(int) - whole).mean() < 0.1
    assert np.allclose(crops.descriptors[1], describe(ann, points), atol=1e-5)
    eyes = crops.landmarks[1:, 36:48].mean(axis=1)
    assert np.allclose(eyes, (72, 48), atol=0.01)


def test_a_list_whose_photos_show_no_face_is_refused(tmp_path):
    folder = tmp_path / "lfw" / "images" / "Ann_Lee"
    folder.mkdir(parents=True)
    Image.new("RGB", (100, 100), "gray").save(folder / "Ann_Lee_0001.jpg")
    (tmp_path / "lfw" / "peopleDevTrain.txt").write_text("1\nAnn_Lee\t1\n")
    with pytest.raises(DataError, match="shows a face"):
        training_faces(lfw_view_1(tmp_path / "lfw"), tmp_path / "cache")


# --- the teacher


def test_the_teacher_knows_two_photos_of_one_demo_person_from_another_person(demo):
    detector = FaceDetector()

    def seen(path: Path) -> np.ndarray:
        image = read_image(path)
        return describe(image, find_landmarks(image, central_face(image, detector.detect(image))))

    own = [probe.file for probe in demo[0].probes if probe.occlusion == "none"]
    assert own
    other = seen(demo[1].enrolment)
    first = seen(demo[0].enrolment)
    assert first.shape == (128,)
    assert first.dtype == np.float32
    assert np.array_equal(first, seen(demo[0].enrolment))
    for path in own:
        assert np.linalg.norm(first - seen(path)) < np.linalg.norm(first - other)
    assert np.linalg.norm(first - other) > 0.4


def test_centring_takes_off_the_mean_and_makes_unit_length():
    descriptors = random_descriptors(6).astype(np.float32) + 0.2
    mean = descriptors.mean(axis=0)
    found = centred(descriptors, mean)
    expected = [(d - mean) / np.linalg.norm(d - mean) for d in descriptors]
    assert np.allclose(found, expected, atol=1e-5)
    assert np.isfinite(centred(mean[None], mean)).all(), "the mean itself has no direction, and no division by zero"
