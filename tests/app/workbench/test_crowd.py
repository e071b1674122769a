"""Several faces on the bench: all are recognised, one is chosen, and the names follow gallery, spectrum and rate."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from app.workbench import bench as steps
from app.workbench import crowd as kit
from ssn.gallery.verdict import SearchRates
from tests.app.conftest import event


@pytest.fixture(scope="module")
def group(demo) -> np.ndarray:
    """Three demo people, the largest in the middle."""
    picture = Image.new("RGB", (900, 330), "gray")
    for person, (side, x) in zip(demo, [(280, 10), (310, 300), (270, 620)], strict=False):
        picture.paste(Image.open(person.enrolment).convert("RGB").resize((side, side)), (x, 10))
    return np.asarray(picture)


def people(bench) -> dict[int, str]:
    return {place: match.person for place, match in bench.crowd.best.items()}


def test_names_follow_the_gallery_and_the_spectrum(services, demo, group):
    for person in demo[:3]:
        services.enrol(person.name, services.finder.face(person.enrolment, index=0), "test")
    bench = steps.open_photo(services, group, "vis", "Your photo")
    assert bench.index == 1
    assert people(bench) == {place: demo[place].name for place in range(3)}
    hidden = steps.set_mode(services, bench, "maskBottom")
    assert hidden.crowd.best == bench.crowd.best, "they are recognised with nothing hidden"
    nir = steps.set_choice(services, bench, "simulate")
    assert {template.spectrum for template in nir.crowd.templates.values()} == {"nir-simulated"}
    services.delete("person", services.gallery.person(demo[0].name).id)
    assert demo[0].name not in people(steps.search(services, bench)).values()
    strict = steps.set_rate(services, bench, 0.5)
    assert strict.rates == SearchRates.around(0.5)
    assert strict.crowd.templates is bench.crowd.templates, "nobody is looked at again"


def test_only_the_largest_of_many_are_recognised_and_a_single_face_needs_no_list(services, demo, group, monkeypatch):
    monkeypatch.setattr(kit, "MOST_NAMED", 2)
    photo = services.open_photo(group, "")
    left_out = min(range(3), key=lambda place: photo.boxes[place].area)
    assert set(kit.recognise_everybody(services, photo, "vis").faces) == {0, 1, 2} - {left_out}
    single = services.open_photo(np.asarray(Image.open(demo[0].enrolment).convert("RGB")), "")
    assert kit.recognise_everybody(services, single, "vis") is None


def test_a_click_in_the_list_chooses(services, desk, visitor, group):
    visit = desk.visit(visitor)[1]
    visit.put(steps.open_photo(services, group, "vis", "Your photo"))
    shown = desk.probe.on_face(True, event(index="2"), visitor)
    assert visit.bench.index == 2
    assert shown[desk.probe.crowd].count('aria-pressed="true"') == 1
