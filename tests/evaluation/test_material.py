"""Families by name, and what they are fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.evaluation.families import FAMILIES, Material
from ssn.evaluation.matcher import FamilyMatcher
from ssn.evaluation.material import family_matchers, family_names, learn_from_people, training_faces
from ssn.faces.simulated_nir import simulated_nir_face
from tests.drawn import mean_landmarks
from tests.pixel_recognizer import PixelRecognizer


def person(number: int, spectrum: str = "vis") -> Sample:
    pixels = np.full((128, 128, 3), 10 + number, np.uint8)
    return Sample(str(number), spectrum, lambda: pixels, mean_landmarks(), key=f"{number} {spectrum}")


def test_names_are_read_and_all_needs_no_file():
    assert family_names(None) == ()
    assert family_names(" saliency,dlib,saliency") == ("saliency", "dlib")
    assert set(FAMILIES) - set(family_names("all")) == {"onnx", "light-cnn-finetuned"}
    with pytest.raises(DataError, match="no family 'unet'"):
        family_names("dlib,unet")


def test_training_people_are_taken_evenly_and_nir_is_simulated_only_where_there_is_none():
    vis = [person(number) for number in range(100)]
    faces = training_faces(Protocol("p", train=vis), most=10)
    assert [int(face.pixels[40, 64, 0]) - 10 for face in faces["vis"]] == list(range(0, 100, 11))
    for shown, made in zip(faces["vis"], faces["nir"], strict=True):
        assert (made.pixels == simulated_nir_face(shown).pixels).all()
    real = training_faces(Protocol("p", train=[*vis, person(7, "nir")]), most=10)
    assert [face.spectrum for face in real["nir"]] == ["nir"]


def test_nobody_to_learn_from_is_said():
    with pytest.raises(DataError, match="has no training people"):
        training_faces(Protocol("p"))
    assert learn_from_people(["dlib", "spectrum-transfer+inpainting"])
    assert not learn_from_people(["inpainting", "saliency"])


def test_only_a_cosine_has_thresholds():
    material = Material(PixelRecognizer())
    made = family_matchers(["light-cnn", "dlib"], material)
    assert {name: matcher.cosine for name, matcher in made.items()} == {"light-cnn": True, "dlib": False}
    assert all(isinstance(matcher, FamilyMatcher) for matcher in made.values())
