"""Who is learned from: a miniature tar, a miniature LFW, who is left out, and the teacher that describes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import cdist

from ssn.data import synthetic
from ssn.data.joined_teachers import teachers_named
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.protocol import Protocol, Sample
from ssn.data.synthetic import synthetic_protocol
from ssn.data.teachers import EMBEDDER_RULE, NearRule, StoredTeacher, near_any, whole_people
from ssn.data.training_faces import training_faces
from ssn.errors import DataError
from ssn.faces.align import align, alignment_transform, warp
from ssn.faces.descriptor import centred, describe
from ssn.faces.detect import FaceDetector, central_face
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image


def write_set(folder: Path, stem: str, pictures: dict[str, np.ndarray], descriptors: np.ndarray, **changes) -> None:
    """``stem.tar`` of lossless WebP, out of order and in a folder as archives often are, and ``stem.npz`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{stem}.tar", "w") as tar:
        for file, pixels in sorted(pictures.items(), reverse=True):
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "WEBP", lossless=True)
            info = tarfile.TarInfo(f"{stem}/{file}")
            info.size = len(out.getvalue())
            tar.addfile(info, io.BytesIO(out.getvalue()))
    facts = {
        "name": np.array(list(pictures)),
        "identity": np.arange(len(pictures)) // 2,
        "landmarks": np.arange(len(pictures) * 136, dtype=np.float64).reshape(-1, 68, 2),
        "descriptor": descriptors,
    } | changes
    np.savez(folder / f"{stem}.npz", **{key: value for key, value in facts.items() if value is not None})


def lfw_view_1(root: Path) -> Protocol:
    return lfw_protocol(LFW(root), pairs_list=None)


def drawn(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"{i:03d}.webp": rng.integers(0, 256, (144, 144, 3), dtype=np.uint8) for i in range(count)}


def random_descriptors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 128)) * 0.1


# --- sets of ready crops


def test_a_set_comes_back_with_every_picture_at_its_facts(tmp_path):
    pictures, descriptors = drawn(5), random_descriptors(5)
    write_set(tmp_path / "faces", "one", pictures, descriptors, identity=np.array([4, 4, -1, 0, -1]))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert len(crops) == 5
    assert np.array_equal(crops.pixels, np.stack(list(pictures.values())))
    assert np.allclose(crops.descriptors, descriptors)
    assert crops.landmarks[2, 1, 0] == 2 * 136 + 2
    assert crops.identities.tolist() == [4, 4, -1, 0, -1]
    assert crops.sources.tolist() == ["one"] * 5
    assert counts == {"one": {"images": 5, "left_out": 0, "compared with": "nobody"}}
    assert (crops.landmarks.dtype, crops.descriptors.dtype) == (np.float32, np.float32)


def test_people_of_different_sets_are_different_people(tmp_path):
    write_set(tmp_path, "b", drawn(4, 1), random_descriptors(4, 1))
    write_set(tmp_path, "a", drawn(4, 2), random_descriptors(4, 2), identity=np.array([7, 7, -1, 3]))
    write_set(tmp_path, "c", drawn(2, 3), random_descriptors(2, 3), identity=np.array([-1, -1]))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path)
    assert list(counts) == ["a", "b", "c"]
    assert crops.identities.tolist() == [7, 7, -1, 3, 8, 8, 9, 9, -1, -1]


def test_pictures_are_read_from_the_archive_once(tmp_path, monkeypatch):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    first, _ = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    monkeypatch.setattr(tarfile, "open", lambda *_: pytest.fail("read again"))
    second, _ = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.descriptors, second.descriptors)


def test_another_archive_of_the_same_name_is_another_set(tmp_path):
    """The cache was keyed by the archive's name alone: a new one was never read."""
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    training_faces(None, tmp_path / "cache", tmp_path / "faces")
    other = drawn(4, seed=9)
    write_set(tmp_path / "faces", "one", other, random_descriptors(4, 9))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert np.array_equal(crops.pixels, np.stack(list(other.values())))
    assert counts["one"]["images"] == 4


@pytest.mark.parametrize(
    "change",
    [
        {"identity": None},
        {"descriptor": random_descriptors(2)},
        {"landmarks": np.zeros((3, 5, 2))},
        {"name": np.array(["000.webp", "001.webp", "other.webp"])},
        {"name": np.array(["000.webp", "001.webp", "001.webp"])},
    ],
    ids=["no identities", "too few descriptors", "five landmarks", "a picture missing", "a name twice"],
)
def test_a_set_whose_parts_do_not_fit_is_refused_and_not_cached(tmp_path, change):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3), **change)
    with pytest.raises(DataError):
        training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert not list((tmp_path / "cache").rglob("pixels.npy"))


def test_pictures_of_another_size_are_refused(tmp_path):
    write_set(tmp_path, "one", {"a.webp": np.zeros((1, 1, 3), np.uint8)}, random_descriptors(1))
    with pytest.raises(DataError, match="144"):
        training_faces(None, tmp_path / "cache", tmp_path)


@pytest.mark.parametrize("damage", ["no npz", "text npz", "text tar", "cut tar"])
def test_a_damaged_set_is_refused(tmp_path, damage):
    write_set(tmp_path, "one", drawn(3), random_descriptors(3))
    tar, npz = tmp_path / "one.tar", tmp_path / "one.npz"
    if damage == "no npz":
        npz.unlink()
    elif damage == "text npz":
        npz.write_text("text")
    elif damage == "text tar":
        tar.write_text("text")
    else:
        tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    with pytest.raises(DataError):
        training_faces(None, tmp_path / "cache", tmp_path)


def test_nothing_to_train_on_says_so(tmp_path):
    with pytest.raises(DataError, match="nothing to train on"):
        training_faces(None, tmp_path)
    with pytest.raises(DataError, match="nothing to train on"):
        training_faces(None, tmp_path, tmp_path)


# --- who is left out


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 10_000))
def test_near_any_is_the_smallest_of_all_distances(count, others, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(n, 128)).astype(np.float32) * 0.032 for n in (count, others))
    found = near_any(a, b)
    if not others:
        assert found.tolist() == [False] * count
        return
    distances = cdist(a.astype(float), b.astype(float)).min(axis=1, initial=np.inf)
    sure = np.abs(distances - 0.5) > 1e-4
    assert np.array_equal(found[sure], distances[sure] < 0.5)
    closer = near_any(a, b, NearRule("euclidean", 0.4))
    assert np.array_equal(closer[sure], (distances < 0.4)[sure]) or np.isclose(distances, 0.4).any()


def test_near_any_finds_the_needle_beyond_its_first_chunk():
    haystack = np.zeros((5000, 128), np.float32)
    haystack[:, 0] = 10
    haystack[4500, 0] = 0.3
    found = near_any(haystack, np.zeros((3, 128), np.float32))
    assert np.flatnonzero(found).tolist() == [4500]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10_000))
def test_near_any_by_cosine_is_the_largest_of_all_after_centring(count, others, seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=6)
    a, b = (shared + rng.normal(size=(n, 6)) for n in (count, others))
    mean = shared + 0.1
    cosines = (1 - cdist(a - mean, b - mean, "cosine")).max(axis=1)
    sure = np.abs(cosines - 0.6) > 1e-5
    assert np.array_equal(near_any(a, b, EMBEDDER_RULE, mean)[sure], (cosines >= 0.6)[sure])


@given(st.lists(st.tuples(st.booleans(), st.integers(-1, 4)), max_size=20))
def test_who_is_near_in_one_picture_is_left_out_with_all(pictures):
    chosen = np.array([near for near, _ in pictures], bool)
    identities = np.array([who for _, who in pictures], int)
    wanted = [near or any(n and w == who >= 0 for n, w in pictures) for near, who in pictures]
    assert whole_people(chosen, identities).tolist() == wanted


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
