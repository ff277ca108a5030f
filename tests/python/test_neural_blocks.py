"""Blocks of networks: order, section and missing neighbours make no difference."""

import numpy as np
import pytest
import torch
from torch import nn

from histobridge.contract import ContractError
from histobridge.nn import bags, bank, fusion, graph, heads, losses, pixels, sets
from histobridge.nn.batch import Batch
from histobridge.nn.capsules import Capsules
from histobridge.nn.encoders import (
    ConvMixer,
    ConvNet,
    Features,
    FlatPatch,
    PatchTransformer,
    ResidualNet,
)
from histobridge.nn.position import GridEmbedding, NeighbourPosition
from histobridge.nn.sampling import regions, sections, spots
from histobridge.nn.seeding import seeded
from histobridge.nn.size import Size
from histobridge.nn.transformer import Attention, NeighbourAttention, SlideTransformer

WIDTH, GENES, N = 8, 5, 13
LONELY = 12


@pytest.fixture
def batch():
    """Two sections of 6 spots in a row, and a third of a single spot."""
    draw = torch.Generator().manual_seed(0)
    section = torch.tensor([0] * 6 + [1] * 6 + [2])
    row = torch.cat([torch.arange(5), torch.arange(6, 11)])
    edges = torch.cat([torch.stack([row, row + 1]), torch.stack([row + 1, row])], 1)
    position = torch.stack([100.0 * torch.arange(N), torch.zeros(N)], 1)
    neighbours = torch.full((N, 2), -1)
    for source, target in edges.T.tolist():
        neighbours[target, int(neighbours[target, 0] >= 0)] = source
    return Batch(
        section=section,
        position=position,
        grid=torch.stack([torch.arange(N), torch.zeros(N, dtype=torch.long)], 1),
        pixels=torch.randint(256, (N, 16, 16, 3), generator=draw).to(torch.uint8),
        features=torch.randn(N, 4, generator=draw),
        neighbours=neighbours,
        group=section.clone(),
        rank=torch.arange(N),
        edges={"near": edges},
        known=torch.ones(N, dtype=torch.bool),
        target=torch.randn(N, GENES, generator=draw),
        counts=torch.randint(30, (N, GENES), generator=draw).float(),
        library=torch.full((N,), 100.0),
    )


def filled(batch):
    known = bank.Bank(N, 4, GENES)
    bridge = bank.ExemplarBridge(known, WIDTH, exemplars=3, heads=2)
    bridge.begin(batch)
    return bridge


CONTEXTS = {
    "slide": lambda b: SlideTransformer(WIDTH, layers=2, heads=2),
    "sage": lambda b: graph.GraphSAGE(WIDTH, layers=2, edges="near"),
    "sage mean": lambda b: graph.GraphSAGE(
        WIDTH, layers=2, edges="near", readout="mean"
    ),
    "sage lstm": lambda b: graph.GraphSAGE(
        WIDTH, layers=2, edges="near", readout="lstm"
    ),
    "gat": lambda b: graph.GraphAttention(WIDTH, layers=2, heads=2, edges="near"),
    "local": lambda b: graph.LocalAttention(WIDTH, heads=2, edges="near"),
    "place": lambda b: NeighbourPosition(WIDTH, "near"),
    "fused": lambda b: fusion.FusedContext(
        WIDTH, graph.GraphSAGE(WIDTH, layers=1, edges="near"), inner=4
    ),
    "exemplars": filled,
}


def context(name, batch):
    with seeded(1):
        block = CONTEXTS[name](batch)
        for parameter in block.parameters():
            nn.init.normal_(parameter, std=0.3)
        return block.eval(), torch.randn(N, WIDTH)


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_context_keeps_its_shape_and_learns_in_every_part(name, batch):
    block, x = context(name, batch)
    out = block(x, batch)
    assert out.shape == x.shape
    out.square().sum().backward()
    for label, parameter in block.named_parameters():
        assert parameter.grad is not None, label
        assert torch.isfinite(parameter.grad).all(), label


@pytest.mark.parametrize("name", CONTEXTS)
def test_an_isolated_spot_is_finite(name, batch):
    """Hist2ST divides by its number of neighbours, which is none."""
    block, x = context(name, batch)
    assert torch.isfinite(block(x, batch)).all()
    alone = batch.take(torch.tensor([LONELY]))
    assert torch.isfinite(block(x[[LONELY]], alone)).all()


@pytest.mark.parametrize("name", CONTEXTS)
def test_another_section_changes_nothing(name, batch):
    block, x = context(name, batch)
    expected = block(x, batch)[:6]
    rows = torch.arange(6)
    found = block(x[rows], batch.take(rows))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_order_of_spots_changes_only_the_order(name, batch):
    """STGAT writes features back in the order of a shuffled loader."""
    block, x = context(name, batch)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    found = block(x[order], batch.take(order))
    torch.testing.assert_close(found, block(x, batch)[order], atol=1e-5, rtol=1e-4)


ENCODERS = {
    "flat": lambda: FlatPatch(16, WIDTH),
    "mixer": lambda: ConvMixer(16, WIDTH, channels=8),
    "convolutions": lambda: ConvNet(WIDTH, channels=(4, 8)),
    "grey": lambda: ConvNet(WIDTH, channels=(4, 8), grey=True),
    "residual": lambda: ResidualNet(WIDTH, channels=4),
    "transformer": lambda: PatchTransformer(16, WIDTH, patch=4, depth=1, heads=2),
    "capsules": lambda: Capsules(16, WIDTH, channels=4, capsules=3, length=8),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_a_patch_is_encoded_alike_whatever_is_beside_it(name, batch):
    with seeded(0):
        encoder = ENCODERS[name]()
    x = pixels.normalised(batch.pixels)
    out = encoder(x)
    assert out.shape == (N, WIDTH)
    torch.testing.assert_close(encoder(x[3:5]), out[3:5], atol=1e-5, rtol=1e-4)
    out.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert not torch.allclose(out[0], out[1])


def test_patches_are_scaled_once_and_in_one_place(batch):
    """MERGE gives 0 to 255 to an ImageNet network, STimage no scaling at all."""
    x = pixels.normalised(batch.pixels)
    assert x.shape == (N, 3, 16, 16)
    assert (x.min() >= -1, x.max() <= 1.01) == (True, True)
    assert x.is_contiguous()
    assert float(x[0, 1, 2, 3]) == (float(batch.pixels[0, 2, 3, 1]) - 127) / 128
    with pytest.raises(ValueError, match="expected uint8"):
        pixels.normalised(x)
    asked = batch.pixels.float().requires_grad_()
    torch.testing.assert_close(pixels.normalised(asked).detach(), x)


def test_eight_symmetries_are_all_there_are(batch):
    views = list(pixels.symmetries(batch.pixels[:1]))
    assert len({view.numpy().tobytes() for view in views}) == 8
    again = list(pixels.symmetries(views[5]))
    assert {v.numpy().tobytes() for v in views} == {v.numpy().tobytes() for v in again}


def test_augmentation_changes_patches_and_leaves_the_original(batch):
    before = batch.pixels.clone()
    change = pixels.Augmentation(grey=0.5, jitter=0.3)
    with seeded(1):
        first = change(batch.pixels)
    with seeded(1):
        second = change(batch.pixels)
    assert torch.equal(first, second)
    assert first.dtype == torch.uint8
    assert not torch.equal(first, before)
    assert torch.equal(batch.pixels, before)
    grey = pixels.Augmentation(flip=False, turn=False, grey=1.0)(before)
    assert (grey == grey[..., :1]).all()


def test_positions(batch):
    block = GridEmbedding(WIDTH)
    assert block(batch).shape == (N, WIDTH)
    far = batch.but(grid=batch.grid + 10_000)
    assert torch.isfinite(block(far)).all()


def test_attention_to_what_is_masked_has_no_influence():
    with seeded(0):
        attention = Attention(WIDTH, 2)
        x, source = torch.randn(3, 1, WIDTH), torch.randn(3, 4, WIDTH)
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]).bool().unsqueeze(1)
    before = attention(x, source, mask)
    source[0, 2:] = 99.0
    torch.testing.assert_close(attention(x, source, mask), before)
    assert (before[1] == 0).all()


def test_neighbours_that_are_not_there_do_not_count(batch):
    part = batch.take(torch.arange(N))
    block = NeighbourAttention(4, 2, layers=1, heads=2).eval()
    out = block(part.features, part.around, part.around_known)[:, 0]
    part.around[~part.around_known] = 1e3
    again = block(part.features, part.around, part.around_known)[:, 0]
    torch.testing.assert_close(again, out)


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_padding_never_wins_a_pool(pool, batch):
    """DeepSpot's zero-padded neighbours pass a layer whose bias can be the maximum."""
    with seeded(0):
        block = sets.DeepSet(4, WIDTH, members=3, pool=pool).eval()
    for net in block.near:
        nn.init.constant_(net[0].bias, 50.0)
        nn.init.constant_(net[0].weight, -1.0)
    part = batch.take(torch.arange(N))
    out = block(part)
    part.around[~part.around_known] = -1e3
    torch.testing.assert_close(block(part), out)
    assert (out[LONELY, WIDTH:] == 0).all()
    order = part.but(around=part.around.flip(1), around_known=part.around_known.flip(1))
    torch.testing.assert_close(block(order), out)


def test_half_precision_reaches_no_likelihood(batch):
    law = heads.NegativeBinomial(WIDTH, GENES, zeros=True)
    law.begin(batch)
    with torch.autocast("cpu", torch.bfloat16):
        out = law(torch.randn(N, WIDTH), batch)
    assert {value.dtype for value in out.values()} == {torch.float32}


def test_masked_pools_are_those_of_the_known():
    x = torch.tensor([[[-3.0], [-1.0], [9.0]]])
    known = torch.tensor([[True, True, False]])
    assert sets.masked_max(x, known).item() == -1
    assert sets.masked_mean(x, known).item() == -2


@pytest.mark.parametrize("k", [1, 2, 5, 100])
def test_the_best_k_are_among_the_spots_of_the_region(k):
    """HE2RNA's mask is not permuted with the order, so that padding can enter."""
    scores = torch.randn(5, GENES, generator=torch.Generator().manual_seed(0)) - 9
    best = scores.sort(dim=0, descending=True).values[:k].mean(dim=0)
    torch.testing.assert_close(bags.top_mean(scores, k), best)


BULK = {
    "top": lambda: bags.TopMean(Features(4), heads.Perceptron(4, GENES), GENES, (2,)),
    "weighted": lambda: bags.AttentionMean(
        Features(4), heads.Perceptron(4, GENES), GENES, width=4, inner=3
    ),
    "high": lambda: bags.HighOrLow(Features(4), heads.Perceptron(4, GENES), GENES),
}


@pytest.mark.parametrize("name", BULK)
def test_bulk_systems_know_sums_of_regions_and_no_spot(name, batch):
    """Counts that change places within their region leave the loss as it was."""
    with seeded(0):
        network = BULK[name]()
    network.begin(batch)
    bag = torch.tensor([0] * 6 + [1] * 7)
    order = torch.cat([torch.arange(6).flip(0), torch.arange(6, N).flip(0)])

    def loss(part):
        with seeded(1):
            return network.loss(part)

    first = loss(batch.but(bag=bag))
    shuffled = batch.but(
        bag=bag,
        counts=batch.counts[order],
        library=batch.library[order],
        target=torch.full_like(batch.target, torch.nan),
    )
    torch.testing.assert_close(loss(shuffled), first)
    first.backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("name", ["top", "weighted"])
def test_a_small_region_is_not_padded_to_a_large_one(name, batch):
    """Padding rows are spots without tissue, which no pooling may see."""
    with seeded(0):
        network = BULK[name]()
    network.begin(batch)
    bag = torch.tensor([0] * 2 + [1] * 11)
    parts = [batch.take(bag.eq(i).nonzero().squeeze(1)) for i in (0, 1)]
    alone = [
        network.loss(p.but(bag=torch.full((len(p),), i))) for i, p in enumerate(parts)
    ]
    both = network.loss(batch.but(bag=bag))
    torch.testing.assert_close(both, torch.stack(alone).mean())


def test_weights_of_a_region_sum_to_one_and_tell_spots_apart(batch):
    with seeded(0):
        network = BULK["weighted"]()
    nn.init.normal_(network.weight.weight, std=5.0)
    rows, one = torch.arange(N) < 6, torch.ones(N, GENES)
    pool = network.pooling(batch)
    torch.testing.assert_close(pool(one, rows), torch.ones(GENES))
    scores = torch.arange(N).float().unsqueeze(1)
    found = pool(scores, rows).item()
    assert found != pytest.approx(2.5, abs=1e-2)
    moved = network.pooling(batch.but(features=batch.features.flip(0)))
    assert moved(scores, rows).item() != pytest.approx(found, abs=1e-3)


def test_local_attention_knows_distances_only_and_prefers_the_near(batch):
    with seeded(0):
        block, x = graph.LocalAttention(WIDTH, heads=2, edges="near"), torch.randn(N, 8)
    turned = batch.but(position=batch.position.flip(1) * 3)
    torch.testing.assert_close(block(x, turned), block(x, batch))
    nn.init.constant_(block.fading, 30.0)
    far = block(x, batch)
    value = block.parts(x).chunk(3, dim=1)[2]
    torch.testing.assert_close(far, block.out(value), atol=1e-4, rtol=1e-3)


def test_bulk_is_the_share_of_the_sum(batch):
    rows = torch.arange(4)
    total = batch.counts[:4].sum(0) / batch.library[:4].sum()
    torch.testing.assert_close(bags.bulk(batch, rows), torch.log1p(1e4 * total))


def test_a_training_spot_finds_neither_itself_nor_its_group(batch):
    known = bank.Bank(N, 4, GENES)
    known.fill(batch.features, batch)
    _, rows, usable = known.nearest(batch.features, 4, batch)
    assert usable.all()
    assert (batch.group[rows] != batch.group.unsqueeze(1)).all()
    alike, rows, _ = known.nearest(batch.features, 1)
    assert torch.equal(rows.squeeze(1), torch.arange(N))
    torch.testing.assert_close(alike, torch.ones(N, 1))


@pytest.mark.parametrize("weights", bank.WEIGHTS)
def test_copies_are_means_of_training_expression(weights, batch):
    known = bank.Bank(N, 4, GENES)
    known.fill(batch.features, batch)
    one = known.copy(batch.features, 1, weights)
    torch.testing.assert_close(one, batch.target)
    many = known.copy(batch.features, 99, weights)
    assert (many <= batch.target.amax(0) + 1e-5).all()
    assert torch.isfinite(many).all()


def test_the_negative_binomial_is_that_of_scipy():
    from scipy.stats import nbinom

    counts = torch.tensor([[0.0, 3.0, 20.0]])
    mean, size = torch.tensor([[0.5, 4.0, 9.0]]), torch.tensor([[2.0, 0.7, 5.0]])
    found = losses.negative_binomial(counts, mean, size)
    law = nbinom(size.numpy(), (size / (size + mean)).numpy())
    np.testing.assert_allclose(found, -law.logpmf(counts.numpy()), rtol=1e-4)
    drop = torch.tensor([[0.3, -1.0, 2.0]])
    share = torch.sigmoid(drop).numpy()
    mixed = (1 - share) * law.pmf(counts.numpy()) + share * (counts.numpy() == 0)
    found = losses.zero_inflated(counts, mean, size, drop)
    np.testing.assert_allclose(found, -np.log(mixed), rtol=1e-4)


def test_logged_values_are_no_counts():
    """STimage gives logs to a negative binomial likelihood."""
    logged, one = torch.log1p(torch.tensor([[3.0]])), torch.ones(1, 1)
    with pytest.raises(ValueError, match="whole-number counts"):
        losses.negative_binomial(logged, one, one)


@pytest.mark.parametrize("contrast", [losses.contrastive, losses.soft_contrastive])
def test_matching_pairs_have_the_smaller_contrast(contrast):
    x = 3 * torch.eye(6)
    assert contrast(x, x, 1.0) < contrast(x, x.roll(1, 0), 1.0)


TERMS = [
    losses.MeanSquares(),
    losses.Uncorrelated(),
    losses.BulkMean(),
]


@pytest.mark.parametrize("term", TERMS, ids=lambda t: type(t).__name__)
def test_a_loss_reads_known_spots_only_and_is_least_at_the_truth(term, batch):
    known = batch.known.clone()
    known[4:8] = False
    batch = batch.but(known=known)

    def value(mean):
        with seeded(0):
            return float(term(None, {"mean": mean}, batch))

    right = value(batch.target)
    noise = torch.randn(N, GENES, generator=torch.Generator().manual_seed(1))
    assert right < value(noise)
    hidden = batch.target.clone()
    hidden[4:8] = 1e6
    guess = noise
    before = value(guess)
    batch = batch.but(target=hidden)
    assert value(guess) == before


def test_pearson_is_numpys():
    x, y = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True)]
    np.testing.assert_allclose(losses.pearson(x, y), expected, rtol=1e-5)
    assert losses.pearson(torch.ones(9, 3), y).abs().max() == 0


def test_heads_start_at_the_mean_of_training(batch):
    x = torch.randn(N, WIDTH)
    assert (heads.Linear(WIDTH, GENES)(x, batch)["mean"] == 0).all()
    law = heads.NegativeBinomial(WIDTH, GENES, zeros=True)
    law.begin(batch)
    out = law(x, batch)
    share = batch.counts.sum(0) / batch.library.sum()
    torch.testing.assert_close(out["rate"], share.expand(N, -1))
    torch.testing.assert_close(out["mean"], torch.log1p(1e4 * out["rate"]))
    assert set(out) == {"rate", "dispersion", "dropout", "mean"}


def test_gene_weights_come_from_what_is_known_of_the_gene(batch, tmp_path):
    head = heads.GeneNetwork(WIDTH, GENES, embedding=3)
    head.begin(batch)
    x = torch.randn(N, WIDTH)
    before = head(x, batch)["mean"]
    head.embeddings = head.embeddings[torch.tensor([1, 0, 2, 3, 4])]
    found = head(x, batch)["mean"]
    torch.testing.assert_close(found[:, [1, 0]], before[:, [0, 1]])
    path = tmp_path / "genes.csv"
    path.write_text("gene,a,b\nx,1,2\ny,3,4\n")
    assert heads.given_embeddings(str(path), ("y",)).tolist() == [[3.0, 4.0]]
    with pytest.raises(ContractError, match="none of"):
        heads.given_embeddings(str(path), ("z",))


def test_outer_products_hold_either_side_alone():
    with seeded(0):
        block = fusion.GatedOuterProduct(WIDTH, inner=4).eval()
        x, y = torch.randn(2, 3, WIDTH)
    assert block.out[1].in_features == 25
    assert not torch.allclose(block(x, y), block(y, x))


@pytest.mark.parametrize("sampler", [spots, sections, regions])
def test_samplers_show_known_spots_and_repeat_with_the_seed(sampler, batch):
    batch.known[2] = False

    def drawn():
        generator = torch.Generator().manual_seed(5)
        return list(sampler(batch, 4, generator))

    first, second = drawn(), drawn()
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.rank, other.rank)
        assert torch.equal(one.features, other.features)
    seen = torch.cat([part.rank[part.known] for part in first])
    assert 2 not in seen
    if sampler is not regions:
        assert sorted(seen.tolist()) == [i for i in range(N) if i != 2]
    else:
        assert first[0].known.all()
        assert first[0].bag.unique().tolist() == [0, 1, 2, 3]


def test_a_part_keeps_edges_among_its_rows_and_features_around_them(batch):
    part = batch.take(torch.tensor([1, 0, 5]))
    assert part.edges["near"].T.tolist() == [[1, 0], [0, 1]]
    torch.testing.assert_close(part.around[1, 0], batch.features[1])
    assert part.around_known[2].tolist() == [True, False]
    torch.testing.assert_close(part.around[2, 0], batch.features[4])
    assert (part.around[2, 1] == 0).all()


def test_sizes_are_shares_of_the_published():
    whole, part = Size(5, 9), Size(5, 9, scale=1 / 8)
    assert (whole.width(1024), whole.depth(8), whole.heads(16, 1024)) == (1024, 8, 16)
    assert (part.width(1024), part.depth(8), part.heads(16, 128)) == (128, 3, 2)
    assert Size(5, 9, scale=0.001).width(1024) == 8
