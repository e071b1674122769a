"""``train``: defaults, refusals, and the files that come out of search and fine-tuning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

from ssn.commands import train as module
from ssn.commands.ablate import SHARED_RECIPE, ablate
from ssn.commands.data_options import with_data_options
from ssn.commands.train import train
from ssn.commands.training_data import TrainingData
from ssn.data.joined_teachers import ONLY_DLIB
from ssn.data.registry import DataRequest
from ssn.errors import DataError, OptionError
from ssn.models.checkpoint import load_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.augment import ViewRanges
from ssn.training.distill.network import initialise
from ssn.training.distill.recipe import PRESETS, DistillConfig, sizes_of
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import Objective
from ssn.training.search.pipeline import export
from ssn.training.search.recipe import Recipe, SearchConfig
from ssn.training.search.variants import start_network, variant_named
from ssn.training.team import Team
from tests.training.drawn_crops import drawn_crops


def test_the_defaults_are_the_papers():
    recipe = Recipe()
    assert recipe.variant == "ssn"
    assert recipe.batches.mode == "partial"
    assert recipe.batches.batch == 128
    assert (recipe.search.epochs, recipe.finetune.epochs) == (12, 40)
    assert (recipe.search.indicator_rate, recipe.rates.network) == (1e-3, 1e-4)
    assert (recipe.loss.bottleneck, recipe.loss.beta) == (0.001, 1.0)
    assert recipe.batches.masked == 1.0
    assert recipe.batches.masked_vis == 0.0
    assert recipe.finetune.final == 1.0
    assert [recipe.rates.of(part) for part in ("network", "classifier", "estimators")] == [1e-4, 1e-3, 1e-2]


class Stopped(Exception):
    """Raised in place of the work, with what it would have been given."""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs ``train`` or ``ablate`` up to the work, without reading faces; ``read_from``: what would have been read."""

    def stop(*given):
        raise Stopped(given)

    def read(data, *given):
        read_from.append(data)
        return TrainingData(None, "faces", {}, ONLY_DLIB)

    read_from: list[DataRequest | None] = []
    monkeypatch.setattr(module, "read_training", read)
    monkeypatch.setattr(module, "distil", stop)
    monkeypatch.setattr(module, "train_stages", stop)
    monkeypatch.setattr(module, "from_nothing", stop)
    app = typer.Typer()
    app.command()(with_data_options(train))
    app.command()(with_data_options(ablate))

    def invoke(*words: str, **environment: str) -> BaseException | None:
        return CliRunner().invoke(app, list(words), env=environment).exception

    invoke.read_from = read_from
    return invoke


def test_each_option_reaches_its_place_in_the_recipe(run):
    words = "--search-epochs 2 --indicator-rate 3e-3 --correction-rate 5e-4 --order 2 --dimming 0.7 --weight-rate 1e-5"
    more = ("--seed", "4", "--teacher-weight", "3")
    (given,) = run("train", "--stage", "all", "--variant", "ssn-adaptive", *words.split(), *more).args
    recipe = given[1]
    assert recipe.search == SearchConfig(epochs=2, indicator_rate=3e-3, correction_rate=5e-4, order=2)
    assert recipe.finetune.correction_rate == 5e-4
    assert (recipe.loss.dimming, recipe.loss.teacher, recipe.variant, recipe.seed) == (0.7, 3, "ssn-adaptive", 4)
    assert recipe.rates.of("classifier") == pytest.approx(1e-4)


def test_distillation_gets_its_own(run):
    words = "--sizes 64:0.5,96:0.5 --occluders many --occluded 0.7 --schedule constant --anneal 0.2 --simulate-nir"
    (given,) = run("train", "--stage", "distill", *words.split(), "--seed", "4").args
    views = ViewRanges(occluders="many", occluded=0.7)
    wanted = DistillConfig(
        sizes=((64, 0.5), (96, 0.5)), schedule="constant", anneal=0.2, simulate_nir=True, seed=4, views=views
    )
    assert given[0] == wanted


def test_a_distillations_batch_is_its_own(run):
    words = "--distill-batch 64 --partners 20 --ema 0.99 --sharpness 12 --schedule linear"
    (given,) = run("train", "--stage", "distill", *words.split()).args
    assert given[0] == DistillConfig(batch=64, partners=20, ema=0.99, sharpness=12, schedule="linear")
    assert Recipe().batches.batch == 128


def test_a_preset_holds_what_is_not_said(run):
    (given,) = run("train", "--stage", "distill", "--preset", "gpu").args
    assert given[0] == PRESETS["gpu"]
    words = "--preset gpu --partners 64 --occlusion-low 0.7 --seed 3 --images 300000"
    (given,) = run("train", "--stage", "distill", *words.split()).args
    gpu = PRESETS["gpu"]
    wanted = replace(gpu, partners=64, seed=3, images=300_000, views=replace(gpu.views, occlusion_low=0.7))
    assert given[0] == wanted
    (given,) = run("train", "--stage", "distill", "--preset", "cpu", "--learning-rate", "1e-3").args
    assert given[0] == DistillConfig(learning_rate=1e-3)
    error = run("train", "--stage", "distill", "--preset", "tpu")
    assert isinstance(error, OptionError)
    assert "no preset 'tpu'" in str(error)


@pytest.mark.parametrize(
    ("stage", "folder"), [("distill", "distill"), ("search", "search"), ("finetune", "search"), ("all", "all")]
)
def test_each_stage_has_a_folder_of_its_own_but_stage_two_goes_on_in_stage_ones(run, stage, folder):
    (given,) = run("train", "--stage", stage).args
    assert Path("runs") / folder in given


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("distill", ("--search-epochs", "1")),
        ("distill", ("--base", "x.safetensors")),
        ("distill", ("--variant", "ssn")),
        ("search", ("--images", "900")),
        ("search", ("--finetune-epochs", "1")),
        ("search", ("--out", "x.safetensors")),
        ("finetune", ("--start", "x.pt")),
        ("all", ("--occluders", "many")),
        ("all", ("--preset", "gpu")),
        ("search", ("--distill-batch", "64")),
        ("distill", ("--batch", "64")),
        ("all", ("--export-only",)),
    ],
)
def test_an_option_that_the_stage_does_not_read_is_refused(run, stage, words):
    error = run("train", "--stage", stage, *words)
    assert isinstance(error, OptionError)
    assert f"{words[0]} is not read by --stage {stage}" in str(error)


def test_an_ablation_checks_its_rows_first_and_says_which_option_to_use(run):
    error = run("ablate", "--variants", "ssn,unheard", "--base", "nowhere.safetensors")
    assert isinstance(error, DataError)
    assert "unheard" in str(error), "before the base is read"
    error = run("ablate", "--variant", "si")
    assert isinstance(error, OptionError)
    assert "--variants" in str(error)
    assert SHARED_RECIPE.rates.of("classifier") == pytest.approx(3e-3)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("--variant", "best"), "variant"),
        (("--mode", "some"), "mode"),
        (("--micro", "48"), "shared out"),
        (("--occluders", "hats"), "occluders"),
        (("--schedule", "never"), "schedule"),
        (("--distill-batch", "12"), "partners"),
        (("--occlusion-low", "0.9"), "sides"),
        (("--stage", "polish"), "no stage"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_before_anything_is_read(run, words, meant):
    error = run("train", *(() if "--stage" in words else ("--stage", "all")), *words)
    assert isinstance(error, DataError)
    assert meant in str(error)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--stage", "all"), DataRequest("synthetic")),
        (("--protocol", "casia", "--fold", "3", "--root", "R"), DataRequest("casia", "3", {"root": Path("R")})),
        (("--faces", "F"), None),
        (("--faces", "F", "--protocol", "oulu"), DataRequest("oulu")),
    ],
)
def test_what_is_learned_from_is_what_was_asked_for(run, words, wanted):
    assert isinstance(run("train", *words), Stopped)
    assert run.read_from == [wanted]


def test_every_fold_has_a_folder_and_weights_of_its_own(run):
    (given,) = run("train", "--protocol", "casia", "--fold", "all", "--stage", "all", "--run", "r").args
    assert (run.read_from, Path("r/fold-1") in given) == ([DataRequest("casia", "1")], True)
    for words in (("--out", "o"), ("--stage", "distill", "--start", "s")):
        assert "Every fold" in str(run("train", "--protocol", "casia", "--fold", "all", *words))
    assert "no folds" in str(run("train", "--protocol", "oulu", "--fold", "all"))


def test_train_alone_learns_from_nothing_whatever_the_environment_holds(run):
    (given,) = run("train", "--run", "r", "--cache", "c", "--out", "o", SSN_FACES="x", SSN_LFW="y").args
    assert given[:4] == (Path("c"), Path("r"), Path("o"), False)
    for words in (
        ("--images", "99"),
        ("--people", "9"),
        ("--base", "b"),
        ("--teacher", "net"),
        ("--variant", "si"),
        ("--preset", "gpu"),
    ):
        error = run("train", *words)
        assert isinstance(error, OptionError), words
        assert "train alone" in str(error)


def test_options_of_a_protocol_need_one(run):
    error = run("train", "--faces", "F", "--root", "R")
    assert "Say which" in str(error)


def test_batch_and_micro_batch_are_taken_together(run):
    (given,) = run("train", "--stage", "all", "--batch", "24", "--micro", "12").args
    assert given[1].batches == replace(BatchConfig(), batch=24, micro=12)


@pytest.mark.parametrize("name", ["light-cnn", "ssn-adaptive"])
def test_a_variants_file_answers_as_the_variant_did_and_says_what_it_is(name, tmp_path):
    base = SaliencySearchNetwork().eval()
    initialise(base.backbone, torch.Generator().manual_seed(0))
    network = start_network(base, variant_named(name))
    recipe = Recipe(variant=name)
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


@pytest.mark.slow
def test_a_distillation_ends_in_a_checkpoint_that_says_what_it_was_made_from_and_can_be_exported_again(tmp_path):
    faces, team = drawn_crops(), Team("cpu")
    config = DistillConfig(images=2, batch=2, partners=1, sizes=((64, 1.0),))
    counts = {"drawn": {"images": 20}}
    data = TrainingData(None, faces, counts, ONLY_DLIB)
    done = module.distil(config, data, tmp_path, None, None, False, False, team)
    network, card = load_model(tmp_path / "distilled.safetensors")
    assert done["model"] == card.model_id
    assert (card.training["views"], card.training["nir"]) == (2, "simulated")
    assert card.training["data"] == counts
    assert card.training["recipe"]["views"]["occluders"] == "rectangle"
    assert network.selection is None or bool((network.selection[0].indicators == 1).all())
    again = module.distil(DistillConfig(), data, tmp_path, tmp_path / "b.safetensors", None, False, True, team)
    assert again["training"]["recipe"] == done["training"]["recipe"], "that of the state, whatever is asked"


def test_sizes_are_read_or_refused():
    assert sizes_of("64:0.585,96:0.1,128:0.315") == DistillConfig().sizes
    assert sizes_of("128:1") == ((128, 1.0),)
    for wrong in ("128", "64:0.5,128:0.4", "16:1", "a:1", "", "128:-1,64:2"):
        with pytest.raises(DataError, match="Write them like"):
            sizes_of(wrong)


def test_train_alone_reads_a_seed_and_its_minutes_and_nothing_else_of_a_recipe(run):
    (given,) = run("train", "--seed", "3", "--minutes", "2.5", "--run", "there").args
    course, minutes = given[-2:]
    assert (course.distillation.seed, course.search.seed, minutes) == (3, 3, 2.5)
    assert Path("there") in given
    assert run("train").args[0][-1] == 10
    with pytest.raises(OptionError, match="--batch is not read by train alone"):
        raise run("train", "--batch", "64")
    with pytest.raises(OptionError, match="--minutes is not read by --stage all"):
        raise run("train", "--stage", "all", "--minutes", "3")
