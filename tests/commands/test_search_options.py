"""``train --stage search|finetune|all``: defaults, refusals, and the files that come out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ssn.commands.search import make_recipe, train_stages
from ssn.commands.train import sides_of, sizes_of
from ssn.errors import DataError
from ssn.models.checkpoint import load_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.run import initialise
from ssn.training.search.objective import Objective
from ssn.training.search.pipeline import export
from ssn.training.search.recipe import SearchConfig
from ssn.training.search.variants import start_network, variant_named


def test_the_defaults_are_the_papers():
    recipe = make_recipe()
    assert recipe.variant == "ssn"
    assert recipe.batches.mode == "partial"
    assert recipe.batches.batch == 128
    assert (recipe.search.epochs, recipe.finetune.epochs) == (12, 40)
    assert (recipe.search.indicator_rate, recipe.rates.network) == (1e-3, 1e-4)
    assert (recipe.loss.bottleneck, recipe.loss.beta) == (0.001, 1.0)
    assert recipe.batches.masked == 1.0
    assert recipe.batches.masked_vis == 0.0
    assert recipe.finetune.final == 1.0


def test_each_option_reaches_its_place_in_the_recipe():
    given = {"search_epochs": 2, "indicator_rate": 3e-3, "correction_rate": 5e-4, "order": 2}
    recipe = make_recipe("ssn-adaptive", **given, dimming=0.7, disturbance=6.0)
    assert recipe.search == SearchConfig(epochs=2, indicator_rate=3e-3, correction_rate=5e-4, order=2)
    assert recipe.finetune.correction_rate == 5e-4
    assert (recipe.loss.dimming, recipe.loss.disturbance) == (0.7, 6.0)


@pytest.mark.parametrize(
    ("options", "words"), [({"variant": "best"}, "variant"), ({"mode": "some"}, "mode"), ({"micro": 48}, "shared out")]
)
def test_a_recipe_that_makes_no_sense_is_refused(options, words):
    with pytest.raises(DataError, match=words):
        make_recipe(**options)


def test_an_unknown_stage_is_refused_before_anything_is_read():
    nowhere = Path("nowhere")
    with pytest.raises(DataError, match="no stage"):
        train_stages("polish", make_recipe(), nowhere, None, None, nowhere, nowhere, None, False, "cpu")


@pytest.mark.parametrize("name", ["light-cnn", "ssn-adaptive"])
def test_a_variants_file_answers_as_the_variant_did_and_says_what_it_is(name, tmp_path):
    base = SaliencySearchNetwork().eval()
    initialise(base.backbone, torch.Generator().manual_seed(0))
    network = start_network(base, variant_named(name))
    recipe = make_recipe(name)
    with torch.no_grad():
        for parameter in network.indicator_parameters():
            parameter.add_(0.1)
    objective = Objective(network, nn.Linear(256, 3), torch.zeros(1, 256), variant_named(name), recipe.loss)
    card = export(objective, recipe, {"photos": 3}, tmp_path / "out.safetensors")
    again, read = load_model(tmp_path / "out.safetensors")
    assert read == card
    assert card.searched == (name != "light-cnn")
    assert card.selection == ("adaptive" if name == "ssn-adaptive" else "pixel")
    assert card.training["recipe"]["search"]["epochs"] == 12
    assert (tmp_path / "out.safetensors").stat().st_size < 25 * 2**20
    face = torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (net.eval()(face, branch_indices(["nir"])) for net in (network, again))
    assert torch.cosine_similarity(before, after).item() > 0.999


def test_sizes_are_read_or_refused():
    assert sizes_of("64:0.585,96:0.1,128:0.315") == DistillConfig.sizes
    assert sizes_of("128:1") == ((128, 1.0),)
    for wrong in ("128", "64:0.5,128:0.4", "16:1", "a:1", "", "128:-1,64:2"):
        with pytest.raises(DataError, match="Write them like"):
            sizes_of(wrong)


def test_sides_are_read_or_refused():
    assert sides_of("0.2:0.75") == (0.2, 0.75)
    for wrong in ("0.5", "0.7:0.2", "0:0.5", "0.5:1.5", "a:b", "0.1:0.2:0.3"):
        with pytest.raises(DataError, match="Write them like"):
            sides_of(wrong)
