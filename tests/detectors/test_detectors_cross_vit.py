"""The nets that deepfake detectors are compared with: published sizes, shapes, and answers that do not depend on the neighbours in a batch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from detectors.nets.cross_vit import SIDE, Attention, ConvolutionalCrossViT, EfficientNetB0, EfficientViT, parameters  # noqa: E402


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("build", "millions"), [(EfficientNetB0, 5.288548), (EfficientViT, 109), (ConvolutionalCrossViT, 101)])
def test_each_net_has_its_published_size(build, millions):
    with torch.device("meta"):  # sizes and shapes without 400 MB of numbers
        assert parameters(build()) / 1e6 == pytest.approx(millions, abs=0.5 if millions > 6 else 1e-9)


@pytest.mark.parametrize("build", [EfficientViT, ConvolutionalCrossViT])
def test_three_faces_get_three_logits(build):
    with torch.device("meta"):
        assert build()(torch.zeros(3, 3, SIDE, SIDE)).shape == (3, 1)


def test_the_maps_are_those_of_the_released_code():
    with torch.device("meta"):
        trunk = EfficientNetB0()
        pictures = torch.zeros(1, 3, SIDE, SIDE)
        assert (trunk(pictures).shape, trunk.after(pictures, 3).shape) == ((1, 1280, 7, 7), (1, 24, 56, 56))
        net = ConvolutionalCrossViT()
        assert net.fine_patches(trunk(pictures)).shape == (1, 2, 192)
        assert net.coarse_patches(trunk.after(pictures, 3)).shape == (1, 2, 384)
        assert EfficientViT().patches(trunk(pictures)).shape == (1, 2, 1024)


def test_patches_are_cut_where_they_lie():
    from detectors.nets.cross_vit import Patches

    patches = Patches(1, 2, 4, 0).eval()
    with torch.no_grad():
        patches.to_token.weight.copy_(torch.eye(4))
        patches.to_token.bias.zero_()
        tokens = patches(torch.arange(16.0).reshape(1, 1, 4, 4))[0, 1:]
    assert tokens.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_attention_is_the_textbooks():
    attention = Attention(16).eval()
    tokens, others = torch.randn(1, 1, 16), torch.randn(1, 3, 16)
    with torch.no_grad():
        key, value = attention.to_kv(torch.cat((tokens, others), 1)).chunk(2, -1)
        wanted = []
        for n in range(8):
            part = slice(64 * n, 64 * (n + 1))
            weights = torch.softmax(attention.to_q(tokens)[..., part] @ key[..., part].transpose(1, 2) / 8, -1)
            wanted.append(weights @ value[..., part])
        torch.testing.assert_close(attention(tokens, others), attention.to_out(torch.cat(wanted, -1)))


def test_an_answer_does_not_depend_on_the_neighbours_in_a_batch():
    net = EfficientViT(size=32, depth=1).eval()
    faces = torch.rand(3, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(net(faces)[2], net(faces[2:])[0], rtol=1e-4, atol=1e-5)
