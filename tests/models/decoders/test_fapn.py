"""The feature-aligned pyramid: selection and alignment against their formulas, by ordinary convolutions."""

import pytest
import torch
import torch.nn.functional as F

from rarepix.models.decoders.fapn import Decoder, FeatureAlignment, FeatureSelection, Parameters

RESNET50 = (3, 64, 256, 512, 1024, 2048)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def drawn(*size: int) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(sum(size)))


def test_selection_weighs_channels_by_their_means_over_the_image():
    select, x = FeatureSelection(2, 1), drawn(3, 2, 4, 6)
    select.attention.weight.data = torch.tensor([[1.0, -2.0], [0.5, 3.0]])[..., None, None]
    select.projection.weight.data = torch.tensor([[2.0, 5.0]])[..., None, None]
    first, second = x[:, 0].mean((1, 2)), x[:, 1].mean((1, 2))
    u = [torch.sigmoid(first - 2 * second), torch.sigmoid(0.5 * first + 3 * second)]
    expected = 2 * x[:, 0] * (1 + u[0])[:, None, None] + 5 * x[:, 1] * (1 + u[1])[:, None, None]
    torch.testing.assert_close(select(x)[:, 0], expected)
    assert select.attention.bias is select.projection.bias is None


def test_alignment_begins_as_an_ordinary_convolution_with_half_its_weights():
    """Offsets are zero, so that positions are a regular grid, and modulations are .5."""
    align, coarse, fine = FeatureAlignment(16, groups=8), drawn(2, 16, 4, 6), drawn(2, 16, 8, 12)
    enlarged = F.interpolate(coarse, size=(8, 12), mode="bilinear", align_corners=False)
    expected = F.conv2d(enlarged, 0.5 * align.aligned.weight, padding=1).relu()
    torch.testing.assert_close(align(coarse, fine), expected)
    assert align.offsets.weight.abs().max() == align.offsets.bias.abs().max() == 0
    assert align.offsets.out_channels == 3 * 8 * 9


def test_offsets_move_rows_then_columns_and_the_last_third_modulates():
    align, coarse, fine = FeatureAlignment(4, groups=2), drawn(1, 4, 8, 8), drawn(1, 4, 8, 8)
    offsets = torch.zeros(3 * 2 * 9)
    offsets[0:36:2], offsets[1:36:2], offsets[36:] = 2.0, -1.0, 30.0  # two rows down, one column left, modulation 1
    align.offsets.bias.data = offsets
    moved = F.pad(coarse, (1, 0, 0, 2))[..., 2:, :8]  # zeros come in from outside, as for the deformable convolution
    expected = F.conv2d(moved, align.aligned.weight, padding=1).relu()
    torch.testing.assert_close(align(coarse, fine)[..., 1:-2, 1:-1], expected[..., 1:-2, 1:-1])


def test_each_group_of_channels_has_offsets_of_its_own():
    align, coarse, fine = FeatureAlignment(4, groups=2), drawn(1, 4, 8, 8), drawn(1, 4, 8, 8)
    offsets = torch.zeros(3 * 2 * 9)
    offsets[18:36:2], offsets[36:] = 1.0, 30.0  # the second group, one row down
    align.offsets.bias.data = offsets
    moved = torch.cat([coarse[:, :2], F.pad(coarse, (0, 0, 0, 1))[:, 2:, 1:]], dim=1)
    expected = F.conv2d(moved, align.aligned.weight, padding=1).relu()
    torch.testing.assert_close(align(coarse, fine)[..., 1:-2, 1:-1], expected[..., 1:-2, 1:-1])


def test_offsets_come_from_the_finer_map_and_twice_the_enlarged_one():
    align, coarse, fine = FeatureAlignment(8, groups=2), drawn(1, 8, 4, 4), drawn(1, 8, 8, 8)
    seen = []
    align.offsets.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    align(coarse, fine)
    enlarged = F.interpolate(coarse, scale_factor=2, mode="bilinear")
    left, right = align.difference.weight.split(8, dim=1)
    torch.testing.assert_close(seen[0], F.conv2d(fine, left) + 2 * F.conv2d(enlarged, right))


def test_the_offsets_learn_from_the_first_step_on():
    align = FeatureAlignment(8, groups=2)
    align(drawn(1, 8, 4, 4), drawn(1, 8, 8, 8)).sum().backward()
    rows, columns, modulation = (
        align.offsets.bias.grad[part] for part in (slice(0, 36, 2), slice(1, 36, 2), slice(36, None))
    )
    assert all(gradient.abs().max() > 0 for gradient in (rows, columns, modulation))


def test_the_pyramid_passes_on_what_is_not_smoothed():
    decoder = Decoder((3, 4, 5, 6, 7, 8), Parameters(pyramid_channels=8, offset_groups=2)).eval()
    features = [torch.zeros(1)] * 2 + [drawn(2, 5 + k, 16 >> k, 24 >> k) for k in range(4)]
    merged, expected = decoder.top(features[-1]), []
    for k, feature in enumerate((features[4], features[3], features[2])):
        fine = decoder.selections[k](feature)
        merged = decoder.alignments[k](merged, fine) + fine
        expected.append(decoder.smoothings[k](merged))
    maps = decoder(features)
    assert [each.shape for each in maps] == [(2, 8, 4, 6), (2, 8, 8, 12), (2, 8, 16, 24)]
    torch.testing.assert_close(maps, expected)
    assert (decoder.channels, decoder.reduction) == ((8, 8, 8), 4)


def test_the_parameters_of_the_published_network_are_counted():
    selection = sum(inputs * inputs + inputs * 128 for inputs in (256, 512, 1024))
    alignment = 3 * (256 * 128 + (9 * 128 + 1) * 216 + (9 * 128 + 1) * 128)
    smoothing, top = 3 * (9 * 128 + 1) * 128, (2048 + 1) * 128
    assert count(Decoder(RESNET50, Parameters())) == selection + alignment + smoothing + top == 3_598_856


def test_where_only_the_finest_level_is_used_only_it_is_smoothed():
    parameters = Parameters(pyramid_channels=8, offset_groups=2)
    whole, finest = (Decoder((3, 4, 5, 6, 7, 8), parameters, all_levels=each) for each in (True, False))
    assert count(whole) - count(finest) == 2 * (9 * 8 + 1) * 8
    whole.smoothings[0].load_state_dict(whole.smoothings[2].state_dict())
    finest.load_state_dict({key: whole.state_dict()[key] for key in finest.state_dict()})
    features = [torch.zeros(1)] * 2 + [drawn(2, 5 + k, 16 >> k, 24 >> k) for k in range(4)]
    assert finest.channels == (8,)
    torch.testing.assert_close(finest(features), whole(features)[-1:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_it_trains_in_mixed_precision_on_a_cpu(dtype):
    """Which torchvision's deformable convolution has no kernel for."""
    decoder = Decoder((3, 4, 5, 6, 7, 8), Parameters(pyramid_channels=8, offset_groups=2))
    features = [torch.zeros(1)] * 2 + [drawn(2, 5 + k, 16 >> k, 24 >> k) for k in range(4)]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        finest = decoder(features)[-1]
    finest.float().square().mean().backward()
    assert finest.dtype == dtype
    assert decoder.alignments[-1].aligned.weight.grad.abs().max() > 0


def test_refuses_groups_that_do_not_share_the_channels():
    with pytest.raises(
        ValueError, match="model.pyramid_channels must be a multiple of model.offset_groups=8, but got 12"
    ):
        Parameters(pyramid_channels=12)
