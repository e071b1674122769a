"""A protocol in, measures out: with a recogniser whose scores are known, and once with the real one."""

import json

import numpy as np
import pytest

from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.evaluation.report import as_json, as_table, write_json
from ssn.evaluation.run import as_probe, evaluate, probe_spectra
from ssn.faces.occlude import OCCLUSIONS
from tests.drawn import mean_landmarks


class ByMeanBrightness:
    """Stands in for the network: a face's vector points at an angle given by the brightness of its middle rows."""

    model_id = "by-brightness"
    device = "cpu"

    def embed_batch(self, faces, batch=16, fast=False, enrolled=False):
        if not faces:
            return np.zeros((0, 2), np.float32)
        light = np.array([face.pixels[2:20, 40:90].mean() for face in faces]) / 255 * np.pi / 2
        return np.stack([np.cos(light), np.sin(light)], axis=1).astype(np.float32)


def plain(identity: str, value: int, spectrum="vis", landmarks=None) -> Sample:
    known = mean_landmarks() if landmarks is None else landmarks
    return Sample(identity, spectrum, lambda: np.full((128, 128, 3), value, np.uint8), known)


def test_people_of_different_brightness_are_told_apart_without_error():
    gallery = [plain(str(i), 20 + 20 * i) for i in range(10)]
    probes = [plain(str(i), 22 + 20 * i) for i in range(10)]
    rows = evaluate(Protocol("toy", gallery, probes), ByMeanBrightness(), spectra=("vis",)).rows
    assert [row.occlusion for row in rows] == list(OCCLUSIONS)
    for row in rows:
        assert row.rank == [1.0] * 5
        assert row.auc == 1.0
        assert row.eer == 0.0
        assert row.counts == {"genuine": 10, "impostor": 90, "probes": 10, "gallery": 10, "no_face": 0}


def test_pairs_decide_verification_and_all_impostors_the_thresholds():
    people = [plain(str(i), 10 + 11 * i) for i in range(20)]
    pairs = [(a, a, True) for a in people] + [(people[i], people[(i + 10) % 20], False) for i in range(20)]
    (row,) = evaluate(Protocol("toy", pairs=pairs), ByMeanBrightness(), spectra=("vis",), occlusions=("none",)).rows
    assert (row.counts["genuine"], row.counts["impostor"], row.rank) == (20, 20, [])
    assert row.accuracy == 1.0
    light = np.array([10 + 11 * i for i in range(20)]) / 255 * np.pi / 2
    hardest = max(np.cos(light[i] - light[(i + 10) % 20]) for i in range(20))
    assert row.thresholds["0.001"] == pytest.approx(hardest, abs=1e-5)
    assert row.thresholds["0.001"] > hardest - 1e-6


def test_samples_without_a_face_are_left_out_and_counted():
    lost = Sample("0", "vis", lambda: np.zeros((128, 128, 3), np.uint8))
    gallery = [plain(str(i), 20 + 20 * i) for i in range(10)]
    probes = [plain(str(i), 22 + 20 * i) for i in range(10)] + [lost]
    (row,) = evaluate(Protocol("toy", gallery, probes), ByMeanBrightness(), ("vis",), ("none",)).rows
    assert row.counts["no_face"] == 1
    assert row.counts["probes"] == 10


def test_a_protocol_with_nothing_to_compare_is_refused():
    with pytest.raises(DataError, match="nothing to compare"):
        evaluate(Protocol("empty"), ByMeanBrightness())


def test_vis_probes_are_measured_in_both_spectra_and_nir_ones_as_they_are():
    assert probe_spectra(Protocol("p", probes=[plain("0", 9)])) == ("vis", "nir-simulated")
    assert probe_spectra(Protocol("p", probes=[plain("0", 9, "nir")])) == ("nir",)


def test_a_simulated_probe_is_named_so_and_hidden_after_its_spectrum(demo, finder):
    face = finder.face(demo[0].enrolment)
    probe = as_probe(face, "nir-simulated", "maskBottom")
    assert probe.spectrum == "nir-simulated"
    assert probe.mask.any()
    assert (probe.pixels[probe.mask] == 0).all()
    assert (probe.pixels[~probe.mask][:, 0] == probe.pixels[~probe.mask][:, 2]).all()


def test_the_report_has_the_documented_form(demo, recognizer, tmp_path):
    gallery = [Sample(p.name, "vis", p.enrolment) for p in demo[:10]]
    probes = [Sample(p.name, "nir-simulated", p.probes[0].file) for p in demo[:10]]
    evaluation = evaluate(Protocol("demo", gallery, probes), recognizer, occlusions=("none", "maskBottom"))
    write_json(as_json(evaluation), tmp_path / "deep" / "out.json")
    data = json.loads((tmp_path / "deep" / "out.json").read_text())
    assert data["model"] == recognizer.model_id
    assert [(r["probe_spectrum"], r["occlusion"]) for r in data["rows"]] == [
        ("nir-simulated", "none"),
        ("nir-simulated", "maskBottom"),
    ]
    for row in data["rows"]:
        values = [row["auc"], row["eer"], row["accuracy"], *row["rank"], *row["tpr_at_fpr"].values()]
        assert all(0 <= value <= 1 for value in values)
        assert set(row["tpr_at_fpr"]) == {"0.01", "0.001"}
        assert len(row["rank"]) == 5
    assert "simulated NIR" in as_table(evaluation)
    assert not list(tmp_path.rglob("*.part"))
