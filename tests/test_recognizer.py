"""The recogniser: from an aligned face to a template and its maps, alone and in batches, in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from ssn.errors import CheckpointError, DeviceError
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.gallery.parts import enrolled_parts
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer, gray_batch
from ssn.training.distill.network import initialise
from tests.drawn import mean_landmarks


def drawn_face(seed: int) -> AlignedFace:
    """Blotches in place of a face: enough for a network that only reads pixels."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC))
    return AlignedFace(pixels, mean_landmarks(), np.eye(2, 3))


@pytest.fixture(scope="module")
def faces() -> list[AlignedFace]:
    """Both branches in turn."""
    return [drawn_face(i) if i % 2 else simulated_nir_face(drawn_face(i)) for i in range(5)]


@pytest.fixture(scope="module")
def searched(recognizer) -> Recognizer:
    """A network whose two branches differ, as after a search."""
    network = SaliencySearchNetwork()
    generator = torch.Generator().manual_seed(0)
    initialise(network.backbone, generator)
    with torch.no_grad():
        for indicators in network.indicator_parameters():
            indicators.copy_(2 * torch.randn(indicators.shape, generator=generator))
    return Recognizer(network, recognizer.card, "cpu")


def test_the_network_reads_luma_between_zero_and_one():
    white = AlignedFace(np.full((128, 128, 3), 255, np.uint8), mean_landmarks(), np.eye(2, 3))
    batch = gray_batch([drawn_face(0), white])
    assert batch.shape == (2, 1, 128, 128)
    assert batch.dtype == torch.float32
    expected = np.asarray(Image.fromarray(drawn_face(0).pixels).convert("L")) / 255
    assert np.abs(batch[0, 0].numpy() - expected).max() < 1 / 255
    assert batch[1].min() == pytest.approx(1)
    assert batch.max() <= 1 + 1e-6


def test_a_template_has_256_finite_numbers_of_unit_length_its_model_and_spectrum(recognizer, faces):
    for face in faces[:2]:
        template = recognizer.embed(face)
        assert template.vector.shape == (256,)
        assert template.vector.dtype == np.float32
        assert np.isfinite(template.vector).all()
        assert np.linalg.norm(template.vector) == pytest.approx(1, abs=1e-5)
        assert template.model_id == recognizer.model_id == recognizer.card.model_id
        assert template.spectrum == face.spectrum
        assert template.similarity(template) == pytest.approx(1, abs=1e-5)


def test_embedding_is_repeatable(recognizer, faces):
    assert np.array_equal(recognizer.embed(faces[0]).vector, recognizer.embed(faces[0]).vector)


def test_a_batch_of_both_spectra_is_as_its_faces_one_by_one_whatever_the_batch_size(searched, faces):
    alone = np.stack([searched.embed(face).vector for face in faces])
    for batch in (2, 5, 16):
        together = searched.embed_batch(faces, batch=batch)
        assert together.shape == (5, 256)
        assert ((together * alone).sum(axis=1) > 0.999).all()
    other = searched.embed(faces[1].with_(spectrum="nir")).vector
    assert other @ alone[1] < 0.999, "the branches must differ for this to mean anything"


def test_who_is_enrolled_counts_with_the_mirror_image(searched, faces):
    for face in (faces[0], faces[1]):
        mirrored = face.with_(pixels=np.ascontiguousarray(face.pixels[:, ::-1]))
        both = searched.embed(face).vector + searched.embed(mirrored).vector
        template = searched.enrolment(face)
        assert np.allclose(template.vector, both / np.linalg.norm(both), atol=1e-3)
        assert template.vector @ searched.enrolment(mirrored).vector == pytest.approx(1, abs=1e-3)
        assert template.vector @ searched.embed(face).vector < 0.9999, "the two looks must differ for this to mean much"
        assert (template.model_id, template.spectrum) == (searched.model_id, face.spectrum)
    rows = searched.embed_batch(faces, batch=2, enrolled=True)
    assert ((rows * np.stack([searched.enrolment(face).vector for face in faces])).sum(axis=1) > 0.999).all()


def test_no_faces_give_no_rows(recognizer):
    assert recognizer.embed_batch([]).shape == (0, 256)


def test_several_faces_looked_at_in_one_pass_are_each_as_if_alone(searched, faces):
    hidden = occlude(faces[0], named_mask("maskBottom", faces[0].landmarks))
    together = searched.looks([faces[0], hidden, faces[1]])
    for (template, maps), face in zip(together, (faces[0], hidden, faces[1]), strict=True):
        alone, own = searched.look(face)
        assert template.spectrum == face.spectrum
        assert np.allclose(template.vector, alone.vector, atol=1e-5)
        for one, other in zip(maps, own, strict=True):
            assert np.allclose(one.response, other.response, atol=1e-4)
            assert np.allclose(one.indicator, other.indicator, atol=1e-6)
    assert searched.looks([]) == []


def test_looking_gives_the_template_of_embedding_and_four_maps(searched, faces):
    template, maps = searched.look(faces[0])
    assert template.vector @ searched.embed(faces[0]).vector > 0.999
    assert [(m.number, m.channels, m.response.shape) for m in maps] == [
        (1, 48, (64, 64)),
        (2, 96, (32, 32)),
        (3, 192, (16, 16)),
        (4, 128, (16, 16)),
    ]
    for block, m in enumerate(maps):
        sigma = torch.sigmoid(searched.network.selection[block].indicators[0]).mean(dim=0)
        assert np.allclose(m.indicator, sigma.detach().numpy(), atol=1e-5)
        assert (m.response >= 0).all()


def test_the_template_is_the_networks_answer_normalised(searched, faces):
    with torch.no_grad():
        answer = searched.network(gray_batch(faces[:1]), torch.tensor([0]))
    assert np.allclose(searched.look(faces[0])[0].vector, F.normalize(answer, dim=1)[0].numpy(), atol=1e-4)


def test_an_occlusion_changes_the_responses_and_never_the_indicators(searched, faces):
    bare = searched.look(faces[0])[1]
    hidden = searched.look(occlude(faces[0], named_mask("maskBottom", faces[0].landmarks)))[1]
    for a, b in zip(bare, hidden, strict=True):
        assert np.array_equal(a.indicator, b.indicator)
        assert np.abs(a.response - b.response).max() > 1e-3
    above = np.abs(bare[0].response - hidden[0].response)[:20]
    assert above.max() < 1e-4, "what is far from the occlusion stays as it was in the first block"


def test_threads_that_share_a_recogniser_get_what_one_alone_gets(searched, faces):
    alone = [searched.embed(face).vector for face in faces]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: searched.embed(faces[i % 5]).vector, range(20)))
    assert all(np.array_equal(vector, alone[i % 5]) for i, vector in enumerate(found))


def test_a_missing_checkpoint_and_a_missing_device_are_refused(tmp_path, random_checkpoint, monkeypatch):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Recognizer.load(tmp_path / "none.safetensors", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no GPU"):
        Recognizer.load(random_checkpoint, "cuda")


def test_the_maps_of_a_pass_are_those_its_templates_were_read_from(recognizer, landmarks):
    rng = np.random.default_rng(3)
    faces = [AlignedFace(rng.integers(0, 255, (128, 128, 3), np.uint8), landmarks, np.eye(2, 3)) for _ in range(2)]
    units, maps = recognizer.last_maps(faces)
    assert units == pytest.approx(recognizer.embed_batch(faces), abs=1e-6)
    with torch.no_grad():
        again = F.normalize(recognizer.network.backbone.embed(maps), dim=1)
    assert again.numpy() == pytest.approx(units, abs=1e-5)
    turned = [face.with_(pixels=np.ascontiguousarray(face.pixels[:, ::-1])) for face in faces]
    assert recognizer.last_maps(faces, mirrored=True)[0] == pytest.approx(recognizer.embed_batch(turned), abs=1e-5)
    both, _ = enrolled_parts(recognizer, faces)
    assert both == pytest.approx(recognizer.embed_batch(faces, enrolled=True), abs=1e-6)


@pytest.fixture
def quick(searched, monkeypatch) -> Recognizer:
    """The same network looking at probes in bfloat16, which a processor without units for it computes as well."""
    monkeypatch.setattr("ssn.machine.has_fast_bfloat16", lambda device: True)
    monkeypatch.setattr("ssn.recognizer.has_fast_bfloat16", lambda device: True)
    return Recognizer(searched.network, searched.card, "cpu", "auto")


def test_probes_are_looked_at_in_the_chosen_precision_and_the_enrolled_in_full(quick, searched, faces):
    assert (quick.precision, searched.precision) == ("bfloat16", "float32")
    assert np.array_equal(quick.embed_batch(faces, enrolled=True), searched.embed_batch(faces, enrolled=True))
    assert np.array_equal(quick.enrolment(faces[0]).vector, searched.enrolment(faces[0]).vector)
    assert np.array_equal(quick.embed_batch(faces, fast=False), searched.embed_batch(faces))
    probe, exact = quick.embed(faces[0]), searched.embed(faces[0])
    assert 0.999 < probe.similarity(exact) < 1 - 1e-7
    assert probe.vector.dtype == np.float32
    assert np.linalg.norm(probe.vector) == pytest.approx(1, abs=1e-5)


def test_maps_of_either_precision_are_as_near_as_bfloat16_is(quick, searched, faces):
    (template, maps), (_, exact) = quick.look(faces[0]), searched.look(faces[0])
    assert template.similarity(quick.embed(faces[0])) > 0.9999
    for one, other in zip(maps, exact, strict=True):
        assert one.response.dtype == np.float32
        assert np.abs(one.response - other.response).max() < 0.02 * other.response.max()
        assert np.allclose(one.indicator, other.indicator, atol=1e-6)


def test_without_units_for_bfloat16_nothing_changes(searched, faces, monkeypatch):
    monkeypatch.setattr("ssn.machine.has_fast_bfloat16", lambda device: False)
    plain = Recognizer(searched.network, searched.card, "cpu", "auto")
    assert plain.precision == "float32"
    assert np.array_equal(plain.embed(faces[0]).vector, searched.embed(faces[0]).vector)


def test_a_processor_takes_no_more_than_eight_faces_at_once(searched, faces, monkeypatch):
    sizes = []
    plain = searched._units
    monkeypatch.setattr(searched, "_units", lambda gray, *rest: sizes.append(len(gray)) or plain(gray, *rest))
    many = (faces * 4)[:18]
    rows = searched.embed_batch(many, batch=64)
    assert sizes == [8, 8, 2]
    assert ((rows[:5] * searched.embed_batch(faces)).sum(axis=1) > 0.9999).all()
