"""Our extension: the paper's selection at the start, an image's own saliency afterwards."""

from __future__ import annotations

import pytest
import torch

from ssn.errors import CheckpointError
from ssn.models.adaptive_selection import DIMMED, REACH, AdaptiveSelection, disturbed, roughness, undimmed
from ssn.models.card import ModelCard
from ssn.models.checkpoint import load_model, save_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.models.pixel_selection import PixelSelection
from tests.models.test_checkpoint import rewrite
from tests.training.toys import SHAPES, ToyBackbone

SHAPE = (6, 8, 8)


def pair(seed: int = 0) -> tuple[PixelSelection, AdaptiveSelection]:
    """Both kinds under the same random M."""
    torch.manual_seed(seed)
    plain, adaptive = PixelSelection(SHAPE), AdaptiveSelection(SHAPE)
    with torch.no_grad():
        plain.indicators.normal_()
        adaptive.indicators.copy_(plain.indicators)
    return plain, adaptive


def awaken(block: AdaptiveSelection, size: float = 1.0) -> AdaptiveSelection:
    with torch.no_grad():
        block.answer.weight.normal_(0, size)
    return block


@pytest.mark.parametrize("branch", [[0, 0, 0], [1, 1, 1], [0, 1, 0]])
@pytest.mark.parametrize("told", [False, True])
def test_a_fresh_block_is_the_papers_bit_for_bit(branch, told):
    plain, adaptive = pair()
    response, branches = torch.randn(3, *SHAPE), torch.tensor(branch)
    mask = torch.rand(3, 1, 32, 32).round() if told else None
    assert torch.equal(adaptive(response, branches, mask), plain(response, branches))


def test_a_fresh_block_is_at_its_start_exactly_sigmoid_of_one():
    response = torch.randn(2, *SHAPE)
    found = AdaptiveSelection(SHAPE)(response, torch.tensor([0, 0]))
    assert torch.equal(found, response * torch.sigmoid(torch.tensor(1.0)))


def test_a_fresh_block_can_leave_its_start():
    _, adaptive = pair()
    adaptive(torch.randn(2, *SHAPE), torch.tensor([0, 1])).square().sum().backward()
    assert adaptive.answer.weight.grad.abs().sum() > 0


def test_each_image_gets_its_own_saliency_whatever_stands_beside_it():
    block = awaken(pair()[1])
    response, branch = torch.randn(4, *SHAPE), torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        together = block(response, branch)
        alone = torch.cat([block(response[i : i + 1], branch[i : i + 1]) for i in range(4)])
        correction = block.correction(response)
    assert torch.allclose(together, alone, atol=1e-6)
    assert (correction[0] - correction[1]).abs().max() > 0.1


def test_a_known_mask_is_read_and_one_that_hides_nothing_is_not_the_same_as_not_knowing():
    block, response = awaken(pair()[1]), torch.randn(1, *SHAPE)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 16:, :] = 1
    with torch.no_grad():
        unknown, nothing, half = (block.correction(response, m) for m in (None, torch.zeros_like(mask), mask))
    assert (half - nothing)[..., :2, :].abs().max() < 1e-6, "the mask's upper half is as before"
    assert (half - nothing)[..., 4:, :].abs().max() > 1e-3
    assert (unknown - nothing).abs().max() > 1e-3
    with torch.no_grad():
        both = block.correction(response.repeat(2, 1, 1, 1), torch.cat([mask, -torch.ones_like(mask)]))
    assert torch.allclose(both, torch.cat([half, unknown]), atol=1e-6), "a face of −1 is one whose mask is not known"


def test_the_correction_is_bounded_and_can_switch_a_pixel_off():
    block = awaken(pair()[1], 100.0)
    correction = block.correction(torch.randn(2, *SHAPE))
    assert correction.abs().max() <= REACH
    assert torch.sigmoid(1.0 - torch.tensor(REACH)) < 0.01


def test_the_correction_minds_the_pattern_and_not_the_strength_of_a_response():
    block, response = awaken(pair()[1]), torch.randn(1, *SHAPE)
    assert torch.allclose(block.correction(response), block.correction(10 * response), atol=1e-3)


def test_roughness_is_nothing_for_no_correction_and_grows_with_size_and_steps():
    flat, stripes = torch.ones(1, 2, 4, 4), torch.ones(1, 2, 4, 4)
    stripes[..., ::2] = -1
    assert roughness(torch.zeros(1, 2, 4, 4)) == 0
    assert roughness(flat) == 1
    assert roughness(2 * flat) == 4
    assert roughness(stripes) == 1 + 4


def test_undimmed_is_the_mean_square_of_what_hidden_pixels_lack_and_minds_no_other():
    torch.manual_seed(2)
    correction, hidden = 2 * torch.randn(2, 3, 4, 4), torch.zeros(2, 1, 8, 8)
    hidden[0, :, 2:6, :4] = 1
    hidden[1, :, 0, 0] = 1  # a quarter of one pixel of the map
    total = weights = 0.0
    for face in range(2):
        for row in range(4):
            for column in range(4):
                share = hidden[face, 0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean().item()
                lacks = [max(0.0, value + DIMMED) ** 2 for value in correction[face, :, row, column].tolist()]
                total, weights = total + share * sum(lacks) / 3, weights + share
    assert undimmed(correction, hidden).item() == pytest.approx(total / weights, rel=1e-5)
    assert undimmed(correction, torch.zeros(2, 1, 8, 8)) == 0
    assert undimmed(torch.full((1, 3, 4, 4), -DIMMED), torch.ones(1, 1, 8, 8)) == 0


def test_disturbed_is_the_mean_square_on_shown_pixels_and_minds_no_other():
    torch.manual_seed(2)
    correction, hidden = torch.randn(2, 3, 4, 4), torch.zeros(2, 1, 8, 8)
    hidden[0, :, 2:6, :4] = 1
    hidden[1, :, 0, 0] = 1
    total = weights = 0.0
    for face in range(2):
        for row in range(4):
            for column in range(4):
                share = 1 - hidden[face, 0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean().item()
                total += share * sum(value**2 for value in correction[face, :, row, column].tolist()) / 3
                weights += share
    assert disturbed(correction, hidden).item() == pytest.approx(total / weights, rel=1e-5)
    assert disturbed(correction, torch.ones(2, 1, 8, 8)) == 0
    assert disturbed(correction, torch.zeros(2, 1, 8, 8)).item() == pytest.approx(correction.square().mean().item())


@pytest.mark.parametrize("told", [False, True])
def test_a_correction_can_learn_what_is_hidden_with_and_without_being_told(told):
    """Hidden pixels answer alike, as black ones do; shown ones at random. Told, they need not even answer alike."""
    torch.manual_seed(3)
    block = AdaptiveSelection((6, 16, 16))
    adam = torch.optim.Adam(block.parameters(), lr=1e-2)
    for step in range(150):
        hidden = torch.zeros(8, 1, 16, 16)
        for face in hidden:
            top, left = torch.randint(0, 9, (2,)).tolist()
            face[:, top : top + 7, left : left + 7] = 1
        response = torch.randn(8, 6, 16, 16)
        if not told:
            response = torch.where(hidden > 0, torch.linspace(-1, 1, 6).view(1, 6, 1, 1), response)
        correction = block.correction(response, hidden if told else None)
        loss = undimmed(correction, hidden) + 0.3 * roughness(correction)
        if step == 149:
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
    per_pixel = correction.detach().mean(dim=1, keepdim=True)
    inside, outside = per_pixel[hidden > 0].mean(), per_pixel[hidden == 0].mean()
    assert inside < -0.7
    assert outside > inside + 0.6


@pytest.fixture(scope="module")
def network() -> SaliencySearchNetwork:
    torch.manual_seed(0)
    made = SaliencySearchNetwork(ToyBackbone(), adaptive=True, shapes=SHAPES)
    for block in made.selection:
        awaken(block, 0.3)
    return made.eval()


def test_the_trace_reports_each_images_indicator_and_equals_forward(network):
    faces, branch = torch.rand(3, 1, 32, 32), branch_indices(["nir", "vis", "nir"])
    mask = torch.rand(3, 1, 32, 32).round()
    with torch.no_grad():
        embedding, traces = network.trace(faces, branch, mask)
        assert torch.equal(embedding, network(faces, branch, mask))
        assert not torch.equal(embedding, network(faces, branch))
    for block, trace in zip(network.selection, traces, strict=True):
        assert torch.allclose(trace.indicator, torch.sigmoid(block.indicators[branch] + trace.correction))
        assert torch.allclose(trace.selected, trace.indicator * trace.output)
        assert (trace.indicator[0] - trace.indicator[2]).abs().max() > 0, "same branch, other image"


def test_the_parameters_of_m_and_of_its_correction_are_told_apart(network):
    upper = {id(p) for p in network.indicator_parameters()}
    correction = {id(p) for p in network.correction_parameters()}
    assert correction < upper
    assert {id(block.indicators) for block in network.selection} == upper - correction
    assert upper | {id(p) for p in network.weight_parameters()} == {id(p) for p in network.parameters()}
    plain = SaliencySearchNetwork(ToyBackbone(), shapes=SHAPES)
    assert plain.correction_parameters() == []


def test_a_network_with_the_papers_selection_takes_no_notice_of_a_mask():
    torch.manual_seed(0)
    plain = SaliencySearchNetwork(ToyBackbone(), shapes=SHAPES).eval()
    faces, branch = torch.rand(2, 1, 32, 32), branch_indices(["nir", "vis"])
    with torch.no_grad():
        assert torch.equal(plain(faces, branch, torch.ones(2, 1, 32, 32)), plain(faces, branch))


def test_files_say_which_selection_they_hold_and_old_files_hold_the_papers(tmp_path):
    adaptive = SaliencySearchNetwork(adaptive=True)
    for block in adaptive.selection:
        awaken(block)
    path = tmp_path / "adaptive.safetensors"
    save_model(path, adaptive.state_dict(), ModelCard("a", searched=True, selection="adaptive"), half=False)
    again, card = load_model(path)
    assert card.selection == "adaptive"
    assert card.searched
    assert again.adaptive
    assert all(torch.equal(a, b) for a, b in zip(adaptive.parameters(), again.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="selection"):
        load_model(rewrite(path, tmp_path / "odd.safetensors", selection="psychic"))

    backbone = {k: v for k, v in adaptive.state_dict().items() if k.startswith("backbone.")}
    save_model(tmp_path / "new.safetensors", backbone, ModelCard("b"))
    network, card = load_model(rewrite(tmp_path / "new.safetensors", tmp_path / "old.safetensors", drop="selection"))
    assert card.selection == "pixel"
    assert not network.adaptive
