"""Landmarks of a stored picture, against those that aligned it."""

from __future__ import annotations

import numpy as np

from ssn.faces.landmarks import find_aligned_landmarks


def test_an_aligned_face_has_its_landmarks_where_they_were_before_it_was_aligned(finder, demo):
    for person in demo[:3]:
        face = finder.face(person.enrolment)
        away = np.linalg.norm(find_aligned_landmarks(face.pixels) - face.landmarks, axis=1)
        assert away.mean() < 2.5
        assert away.max() < 10
