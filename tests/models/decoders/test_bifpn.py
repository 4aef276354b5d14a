"""The bidirectional pyramid: nodes, cells and levels, against values by hand and against another implementation."""

import pytest
import torch
from torch import nn

from rarepix.models.decoders import bifpn
from rarepix.models.decoders.bifpn import Cell, Decoder, Node, Parameters

B2 = (3, 32, 24, 48, 120, 352)
"""Channels of EfficientNet-B2, the encoder of EfficientDet-D2."""


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def passing(node: Node) -> Node:
    """Return *node* with nothing after its sum."""
    node.convolution = nn.Identity()
    return node


def passing_cell() -> Cell:
    """Return a cell of one channel whose nodes only add."""
    cell = Cell(1)
    for node in (*cell.down_nodes, *cell.up_nodes):
        passing(node)
    return cell


def flat(value: float, side: int) -> torch.Tensor:
    return torch.full((1, 1, side, side), value)


def test_a_node_begins_as_a_mean_but_for_epsilon():
    first, second, third = flat(1.0, 2), flat(2.0, 2), flat(6.0, 2)
    assert passing(Node(2, 1))(first, second).unique().item() == pytest.approx(3 / 2.0001, rel=1e-6)
    assert passing(Node(3, 1))(first, second, third).unique().item() == pytest.approx(9 / 3.0001, rel=1e-6)


def test_weights_are_rectified_and_divided_by_their_sum():
    node = passing(Node(3, 1))
    node.weights.data = torch.tensor([3.0, -5.0, 1.0])
    total = node(flat(1.0, 2), flat(100.0, 2), flat(2.0, 2))
    assert total.unique().item() == pytest.approx((3 * 1 + 1 * 2) / 4.0001, rel=1e-6)


def test_a_weight_learns_unless_it_is_rectified():
    """d/dw1 of (w1 a + w2 b) / (w1 + w2 + eps) at 1 and 1 is (a - b) / 4, but for epsilon."""
    node = passing(Node(3, 1))
    node.weights.data[2] = -1.0
    node(flat(5.0, 1), flat(1.0, 1), flat(7.0, 1)).backward()
    torch.testing.assert_close(node.weights.grad, torch.tensor([1.0, -1.0, 0.0]), rtol=2e-4, atol=2e-4)


def test_after_the_sum_come_swish_depthwise_pointwise_and_normalisation():
    swish, depthwise, pointwise, norm = Node(2, 8).convolution
    assert swish(torch.tensor(2.0)).item() == pytest.approx(2 / (1 + 2.718281828**-2))
    assert (depthwise.weight.shape, pointwise.weight.shape) == ((8, 1, 3, 3), (8, 8, 1, 1))
    assert (depthwise.bias, pointwise.bias) == (None, None)
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_a_cell_goes_down_first_and_then_up():
    """All inputs 0 but the coarsest, 16: halved at each node downwards; upwards by thirds, and by halves at the end."""
    maps = [flat(0.0, side) for side in (16, 8, 4, 2)] + [flat(16.0, 1)]
    outputs = passing_cell()(maps)
    finest = 16 / 2**4
    level4 = (2 + finest) / 3
    level5 = (4 + level4) / 3
    level6 = (8 + level5) / 3
    expected = [finest, level4, level5, level6, (16 + level6) / 2]
    assert [output.shape[-1] for output in outputs] == [16, 8, 4, 2, 1]
    assert [output.unique().tolist() for output in outputs] == [[pytest.approx(each, rel=1e-3)] for each in expected]


def test_downwards_cells_are_repeated_and_upwards_the_maximum_of_three_by_three_is_taken():
    maps = [flat(0.0, side) for side in (16, 8, 4, 2, 1)]
    maps[3] = torch.tensor([[[[4.0, 0.0], [0.0, 0.0]]]])
    downward = passing_cell()(maps)[0][0, 0]
    torch.testing.assert_close(downward[:8, :8], torch.full((8, 8), 4 / 2**4), rtol=1e-3, atol=0)
    assert downward[8:].abs().max() == downward[:, 8:].abs().max() == 0
    maps = [flat(0.0, side) for side in (16, 8, 4, 2, 1)]
    maps[0][..., 2, 5] = 12.0  # in the windows of rows 0 and 1 and of column 2, which are 2 i to 2 i + 2
    up = passing_cell()(maps)[1][0, 0]
    assert up.nonzero().tolist() == [[0, 2], [1, 2]]
    assert up.max().item() == pytest.approx(12 / 2 / 3, rel=1e-3)


def test_each_use_of_a_feature_of_the_encoder_has_a_projection_of_its_own():
    cell = Cell(8, raw=(3, 4, 5))
    shapes = [
        [module[0].weight.shape[:2] if isinstance(module, nn.Sequential) else None for module in modules]
        for modules in (cell.down_projections, cell.up_projections)
    ]
    assert shapes == [[(8, 3), (8, 4), (8, 5), None], [(8, 4), (8, 5), None, None]]
    assert not any(isinstance(each, nn.Sequential) for each in (*Cell(8).down_projections, *Cell(8).up_projections))


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (256, 256, [(2, 2), (4, 4), (8, 8), (16, 16), (32, 32)]),
        (64, 64, [(1, 1), (1, 1), (2, 2), (4, 4), (8, 8)]),
        (32, 96, [(1, 1), (1, 2), (1, 3), (2, 6), (4, 12)]),
    ],
)
def test_the_levels_are_halved_until_one_cell_is_left(rows, columns, expected):
    decoder = Decoder((3, 3, 3, 4, 5, 6), Parameters(pyramid_channels=8, pyramid_cells=2)).eval()
    maps = decoder(features(rows, columns, (4, 5, 6)))
    assert [tuple(each.shape) for each in maps] == [(2, 8, *size) for size in expected]
    assert decoder.channels == (8,) * 5
    assert all(torch.isfinite(each).all() for each in maps)


def test_level_six_is_projected_and_then_halved_and_seven_is_halved_again():
    decoder = Decoder((3, 3, 3, 4, 5, 6), Parameters(pyramid_channels=8, pyramid_cells=1)).eval()
    decoder.cells[0] = nn.Identity()
    deepest = features(256, 256, (4, 5, 6))
    seven, six, *_ = decoder(deepest)
    projected = decoder.level6[0](deepest[-1])  # 8 × 8; windows begin at even rows and end at the border
    torch.testing.assert_close(six[..., 3, 1], projected[..., 6:9, 2:5].amax((-2, -1)))
    torch.testing.assert_close(seven[..., 1, 0], six[..., 2:5, 0:3].amax((-2, -1)))


def test_the_parameters_of_efficientdet_d2_are_counted():
    """Published: 708,159, of which 112 biases each before 46 normalisations, which take them away again."""
    projections = 112 * (48 + 2 * 120 + 2 * 352 + 352)
    nodes = 5 * 8 * (9 * 112 + 112 * 112)
    norms = 46 * 2 * 112
    fusion = 5 * (4 * 2 + 3 * 3 + 2)
    assert fusion == 5 * 19
    assert count(Decoder(B2, Parameters())) == projections + nodes + norms + fusion == 708_159 - 46 * 112 == 703_007


def test_where_only_the_finest_level_is_used_the_last_cell_has_no_way_up():
    whole, finest = (Decoder(B2, Parameters(), all_levels=each).eval() for each in (True, False))
    assert count(whole) - count(finest) == 4 * (9 * 112 + 112 * 112 + 2 * 112) + 3 * 3 + 2
    finest.load_state_dict({key: whole.state_dict()[key] for key in finest.state_dict()})
    assert (finest.channels, finest.reduction) == ((112,), 8)
    maps = features(64, 96, B2[3:])
    with torch.no_grad():
        torch.testing.assert_close(finest(maps), whole(maps)[-1:])


def features(rows: int, columns: int, channels: tuple[int, ...]) -> list[torch.Tensor]:
    """Return features at strides 8, 16 and 32 of two images, after three that the pyramid does not read."""
    maps = [torch.zeros(1)] * 3
    for number, stride in zip(channels, (8, 16, 32), strict=True):
        size = (2, number, rows // stride, columns // stride)
        angles = torch.arange(2 * number * size[2] * size[3], dtype=torch.float64) * 0.3 + number
        maps.append(angles.cos().reshape(size).float())
    return maps


def test_the_levels_are_those_of_effdet():
    """Means and first values are those of effdet 0.4.1: tf_efficientdet_d2 without its redundant biases, 4 channels, 2
    cells, the same weights."""
    decoder = Decoder((3, 4, 5, 6, 8, 10), Parameters(pyramid_channels=4, pyramid_cells=2)).eval()
    with torch.no_grad():
        for number, (_, value) in enumerate(sorted(decoder.state_dict().items())):
            if value.is_floating_point():
                wave = (torch.arange(value.numel(), dtype=torch.float64) * 1.7 + number).sin().reshape(value.shape)
                value.copy_(1 + 0.5 * wave if value.ndim == 1 else wave)
        maps = decoder(features(256, 256, (6, 8, 10)))
    for each, (mean, first) in zip(maps, EFFDET, strict=True):
        assert each.double().mean().item() == pytest.approx(mean, rel=1e-4)
        torch.testing.assert_close(each[0, :, 0, 0], torch.tensor(first), rtol=1e-4, atol=1e-4)


EFFDET = [
    (196.11474, [-97.780296, 239.233093, 473.294067, 339.429352]),
    (29.39192, [-26.650135, -46.446156, -107.064522, -75.963837]),
    (13.73591, [-3.268561, 2.324768, 6.922899, 16.252962]),
    (7.08925, [18.522961, 27.477194, 17.617567, 15.630233]),
    (3.65358, [5.823717, 14.668754, 11.779759, 7.831904]),
]
"""Mean and first values of each level, coarse → fine."""


def test_weights_are_drawn_within_the_published_bounds():
    decoder = Decoder(B2, Parameters())
    _, depthwise, pointwise, _ = decoder.cells[0].down_nodes[0].convolution
    bounds = {depthwise: (6 / 18) ** 0.5, pointwise: (6 / 224) ** 0.5, decoder.level6[0][0]: (6 / 464) ** 0.5}
    for convolution, bound in bounds.items():
        assert 0.95 * bound < convolution.weight.abs().max() <= bound


@pytest.mark.parametrize("keys", [{"pyramid_channels": 0}, {"pyramid_cells": 0}])
def test_refuses(keys):
    with pytest.raises(ValueError, match="greater than 0"):
        bifpn.Parameters(**keys)
