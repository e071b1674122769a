"""A protocol in, measures out: with a recogniser whose scores are known, and once with the real one."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from ssn.data.face_store import FaceStore
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.evaluation import face_set as face_set_module
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.report import as_json, as_table, folds_as_json, folds_as_table, write_json
from ssn.evaluation.run import evaluate
from ssn.faces.occlude import OCCLUSIONS
from tests.data import miniature
from tests.drawn import mean_landmarks
from tests.pixel_recognizer import PixelRecognizer


class Brightness(nn.Module):
    """A face's vector points at an angle given by the brightness of its middle rows."""

    adaptive = False

    def forward(self, gray, branch, mask=None):
        light = gray[:, 0, 2:20, 40:90].mean(dim=(1, 2)) * np.pi / 2
        return torch.stack([light.cos(), light.sin()], dim=1)


BY_BRIGHTNESS = PixelRecognizer(Brightness())


def plain(identity: str, value: int, spectrum="vis", landmarks=None) -> Sample:
    known = mean_landmarks() if landmarks is None else landmarks
    return Sample(identity, spectrum, lambda: np.full((128, 128, 3), value, np.uint8), known)


def measured(protocol: Protocol, **options):
    return evaluate(protocol_face_set(protocol), BY_BRIGHTNESS, **options)


def test_people_of_different_brightness_are_told_apart_without_error():
    gallery = [plain(str(i), 20 + 20 * i) for i in range(10)]
    probes = [plain(str(i), 22 + 20 * i) for i in range(10)]
    rows = measured(Protocol("toy", gallery, probes), spectra=("vis",)).rows
    assert [row.occlusion for row in rows] == list(OCCLUSIONS)
    for row in rows:
        assert row.rank == [1.0] * 5
        assert row.auc == 1.0
        assert row.eer == 0.0
        assert row.counts == {"genuine": 10, "impostor": 90, "probes": 10, "gallery": 10, "no_face": 0}
        assert row.impostors == 90


def test_accuracy_of_all_against_all_is_left_empty():
    """It would be the base rate: by always saying no one is right in 90 of 100 comparisons here."""
    gallery = [plain(str(i), 20 + 20 * i) for i in range(10)]
    evaluation = measured(Protocol("toy", gallery, gallery), spectra=("vis",), occlusions=("none",))
    assert evaluation.rows[0].accuracy is None
    assert as_table(evaluation).splitlines()[2].split()[4] == "–"
    assert as_json(evaluation)["rows"][0]["accuracy"] is None
    assert evaluation.rows[0].hits
    assert "hits" not in as_json(evaluation)["rows"][0]


def test_pairs_decide_verification_and_all_impostors_the_thresholds():
    people = [plain(str(i), 10 + 11 * i) for i in range(20)]
    pairs = [(a, a, True) for a in people] + [(people[i], people[(i + 10) % 20], False) for i in range(20)]
    (row,) = measured(Protocol("toy", pairs=pairs), spectra=("vis",), occlusions=("none",)).rows
    assert (row.counts["genuine"], row.counts["impostor"], row.rank) == (20, 20, [])
    assert row.accuracy == 1.0
    light = np.array([10 + 11 * i for i in range(20)]) / 255 * np.pi / 2
    hardest = max(np.cos(light[i] - light[(i + 10) % 20]) for i in range(20))
    assert row.thresholds["0.001"] == pytest.approx(hardest, abs=1e-5)
    assert row.thresholds["0.001"] > hardest - 1e-6


def test_pairs_and_identification_share_probes_and_the_impostors_of_both_count():
    people = [plain(str(i), 20 + 40 * i) for i in range(5)]
    probes = [plain(str(i), 22 + 40 * i) for i in range(5)]
    pairs = [(probes[0], people[0], True), (people[1], people[2], False), (probes[3], people[4], False)]
    (row,) = measured(Protocol("toy", people, probes, pairs), spectra=("vis",), occlusions=("none",)).rows
    assert (row.counts["genuine"], row.counts["impostor"]) == (1, 2)
    assert (row.counts["probes"], row.counts["gallery"]) == (5, 5)
    assert row.impostors == 20 + 2
    assert row.rank == [1.0] * 5
    assert row.accuracy is None, "three pairs are too few for ten folds"


@pytest.mark.parametrize("people", [1, 2, 3])
def test_small_sets_give_what_can_be_measured(people):
    """Two people ended in a traceback: too few pairs for ten folds."""
    gallery = [plain(str(i), 20 + 20 * i) for i in range(people)]
    evaluation = measured(Protocol("toy", gallery, gallery), spectra=("vis",), occlusions=("none",))
    (row,) = evaluation.rows
    assert row.rank == [1.0] * 5
    assert (row.auc is None) == (row.eer is None) == (people == 1)
    assert row.thresholds.keys() == (set() if people == 1 else {"0.01", "0.001"})
    assert "100.0" in as_table(evaluation)


def test_pairs_of_one_kind_alone_measure_nothing_and_say_so():
    people = [plain(str(i), 20 + 20 * i) for i in range(4)]
    (row,) = measured(
        Protocol("toy", pairs=[(a, a, True) for a in people]), spectra=("vis",), occlusions=("none",)
    ).rows
    assert (row.auc, row.eer, row.accuracy, row.tpr_at_fpr) == (None, None, None, {"0.01": None, "0.001": None})
    assert (row.counts["genuine"], row.impostors, row.thresholds) == (4, 0, {})


def test_samples_without_a_face_are_left_out_counted_and_listed():
    lost = Sample("0", "vis", lambda: np.zeros((128, 128, 3), np.uint8), key="dark")
    gallery = [plain(str(i), 20 + 20 * i) for i in range(10)]
    probes = [plain(str(i), 22 + 20 * i) for i in range(10)] + [lost]
    evaluation = measured(Protocol("toy", gallery, probes), spectra=("vis",), occlusions=("none",))
    assert evaluation.rows[0].counts["no_face"] == 1
    assert evaluation.rows[0].counts["probes"] == 10
    assert as_json(evaluation)["failures"] == [{"picture": "dark", "why": "no face detected"}]
    assert "failures to acquire: 1 (1 no face detected)" in as_table(evaluation)
    assert "dark: no face detected" in as_table(evaluation)


def test_probes_whose_person_could_not_be_enrolled_are_counted():
    gallery = [plain("a", 20), Sample("b", "vis", lambda: np.zeros((128, 128, 3), np.uint8)), plain("c", 200)]
    probes = [plain("a", 22), plain("b", 90), plain("c", 202)]
    evaluation = measured(Protocol("toy", gallery, probes), spectra=("vis",), occlusions=("none",))
    assert evaluation.rows[0].counts["probes"] == 2
    assert any(note.startswith("1 probes are left out") for note in evaluation.notes)


def test_a_protocol_with_nothing_to_compare_is_refused():
    with pytest.raises(DataError, match="nothing to compare"):
        protocol_face_set(Protocol("empty"))


def faces_in(*spectra) -> FaceSet:
    gallery = [plain(str(i), 20 + 20 * i) for i in range(3)]
    return protocol_face_set(Protocol("p", gallery, [plain("0", 21, spectrum) for spectrum in spectra]))


def test_vis_probes_are_measured_in_both_spectra_and_nir_ones_as_they_are():
    assert faces_in("vis").measured_spectra() == ("vis", "nir-simulated")
    assert faces_in("nir").measured_spectra() == ("nir",)
    assert faces_in("nir-simulated").measured_spectra() == ("nir-simulated",)
    assert faces_in("vis", "nir").measured_spectra() == ("vis", "nir"), "real NIR needs none beside it"
    assert faces_in("vis", "nir").measured_spectra(simulate=True) == ("vis", "nir", "nir-simulated")
    with pytest.raises(DataError, match="no VIS probes"):
        faces_in("nir").measured_spectra(simulate=True)


def test_each_row_counts_the_probes_of_its_spectrum():
    rows = evaluate(faces_in("vis", "nir", "nir"), BY_BRIGHTNESS, simulate=True, occlusions=("none",)).rows
    assert {row.probe_spectrum: row.counts["probes"] for row in rows} == {"vis": 1, "nir": 2, "nir-simulated": 1}


@pytest.mark.parametrize(("spectrum", "simulated"), [("nir", 0), ("nir-simulated", 0), ("vis", 4)])
def test_a_real_or_already_simulated_nir_picture_is_never_simulated_and_a_vis_one_once(
    spectrum, simulated, monkeypatch
):
    calls, real = [], face_set_module.simulated_nir_face
    monkeypatch.setattr(face_set_module, "simulated_nir_face", lambda face: calls.append(face.spectrum) or real(face))
    gallery = [plain(str(i), 20 + 20 * i) for i in range(4)]
    faces = protocol_face_set(Protocol("p", gallery, [plain(str(i), 21 + 20 * i, spectrum) for i in range(4)]))
    for _ in range(2):
        evaluate(faces, BY_BRIGHTNESS)
    assert calls == ["vis"] * simulated


def test_nir_goes_through_the_nir_indicators():
    seen = []

    class Watching(Brightness):
        def forward(self, gray, branch, mask=None):
            seen.append(branch.unique().tolist())
            return super().forward(gray, branch)

    evaluate(faces_in("nir"), PixelRecognizer(Watching()), occlusions=("none",))
    vis, nir = seen[0], seen[-1]
    assert vis != nir


def test_pictures_and_their_stored_faces_give_the_same_numbers(tmp_path):
    protocol_of = miniature_protocol(tmp_path)
    direct = evaluate(protocol_face_set(protocol_of()), PixelRecognizer())
    stored = evaluate(protocol_face_set(protocol_of(), FaceStore(tmp_path / "cache", 1)), PixelRecognizer())
    assert as_json(direct)["rows"] == as_json(stored)["rows"]
    assert len(stored.failures) == 1


def miniature_protocol(root):
    miniature.folder(root / "set", people=3)

    def protocol() -> Protocol:
        gallery = [Sample(str(i), "vis", root / "set" / f"Person {i}" / "a.jpg") for i in range(3)]
        probes = [Sample(str(i), "nir", root / "set" / f"Person {i}" / "NIR" / "b.jpg") for i in range(3)]
        return Protocol("mini", gallery, [*probes, Sample("0", "nir", root / "none.jpg")])

    return protocol


def test_folds_give_mean_and_sample_deviation():
    folds = []
    for shift in (0, 18, 40):
        gallery = [plain(str(i), 20 + 20 * i) for i in range(4)]
        probes = [plain(str(i), 20 + 20 * i + shift) for i in range(4)]
        folds.append(measured(Protocol(f"toy, fold {shift}", gallery, probes), spectra=("vis",)))
    summary = folds_as_json("toy", folds)
    assert summary["protocol"] == "toy, 3 folds"
    for place, row in enumerate(summary["rows"]):
        values = [fold.rows[place].rank[0] for fold in folds]
        assert row["rank1"]["mean"] == pytest.approx(sum(values) / 3)
        spread = (sum((value - sum(values) / 3) ** 2 for value in values) / 2) ** 0.5
        assert row["rank1"]["std"] == pytest.approx(spread)
        assert row["rank1"]["std"] > 0
        assert row["accuracy"] == {"mean": None, "std": None, "folds": 0}
    assert f"{100 * summary['rows'][0]['auc']['mean']:.1f} ± " in folds_as_table(summary)
    assert folds_as_json("toy", folds[:1])["rows"][0]["auc"]["std"] is None


def test_the_real_recogniser_gives_the_documented_json(demo, recognizer, tmp_path):
    gallery = [Sample(p.name, "vis", p.enrolment) for p in demo[:3]]
    probes = [Sample(p.name, "nir-simulated", p.probes[0].file) for p in demo[:3]]
    faces = protocol_face_set(Protocol("demo", gallery, probes))
    evaluation = evaluate(faces, recognizer, occlusions=("none", "maskBottom"))
    write_json(as_json(evaluation), tmp_path / "deep" / "out.json")
    data = json.loads((tmp_path / "deep" / "out.json").read_text())
    assert data["model"] == recognizer.model_id
    assert [(r["probe_spectrum"], r["occlusion"]) for r in data["rows"]] == [
        ("nir-simulated", "none"),
        ("nir-simulated", "maskBottom"),
    ]
    for row in data["rows"]:
        values = [row["auc"], row["eer"], *row["rank"], *row["tpr_at_fpr"].values()]
        assert all(0 <= value <= 1 for value in values)
        assert set(row["tpr_at_fpr"]) == {"0.01", "0.001"}
        assert len(row["rank"]) == 5
    assert "simulated NIR" in as_table(evaluation)
    assert not list(tmp_path.rglob("*.part"))
