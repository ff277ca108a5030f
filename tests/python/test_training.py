"""The one training loop: the same seed gives the same weights, whatever happens."""

import numpy as np
import pytest
import torch

from histobridge.contract import ContractError
from histobridge.nn.recipe import OPTIMIZERS, SCHEDULES, Recipe
from histobridge.nn.seeding import seeded
from histobridge.nn.training import make_optimizer, make_schedule, moved, train

X = torch.randn(60, 5, generator=torch.Generator().manual_seed(1))
Y = X @ torch.arange(10.0).reshape(5, 2) / 5


def network():
    with seeded(0):
        return torch.nn.Sequential(
            torch.nn.Linear(5, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(16, 2),
        )


def batches(epoch, generator):
    for rows in torch.randperm(len(X), generator=generator).split(20):
        yield X[rows], Y[rows]


def loss(model, batch):
    return ((model(batch[0]) - batch[1]) ** 2).mean()


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def trained(recipe, **options):
    model = network()
    history = train(model, batches, loss, recipe, **options)
    return weights(model), history


def test_a_seed_gives_the_same_weights_and_another_seed_others():
    recipe = Recipe(4, 1e-2)
    first, history = trained(recipe, seed=3)
    torch.rand(7)
    second, again = trained(recipe, seed=3)
    assert_equal(first, second)
    assert history == again
    assert len(history.loss) == 4
    third, _ = trained(recipe, seed=4)
    assert not torch.equal(first["0.weight"], third["0.weight"])


def test_training_learns_and_leaves_evaluation_mode():
    model = network()
    history = train(model, batches, loss, Recipe(60, 2e-2))
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert not model.training


def test_global_random_states_stay_as_they_were():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(Recipe(2, 1e-2), score=lambda model: float(torch.rand(())))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_training_ends_with_the_same_weights(tmp_path, schedule, optimizer):
    recipe = Recipe(6, 1e-2, optimizer, schedule=schedule, step_epochs=2, patience=6)
    path = tmp_path / "run.ckpt"

    def score(model):
        with torch.no_grad():
            return -float(((model(X) - Y) ** 2).mean())

    expected, history = trained(recipe, score=score)

    def killed(epoch, generator):
        if epoch == 3:
            raise Interrupted
        yield from batches(epoch, generator)

    model = network()
    with pytest.raises(Interrupted):
        train(model, killed, loss, recipe, score=score, checkpoint=path)
    found, resumed = trained(recipe, score=score, checkpoint=path)
    assert_equal(found, expected)
    assert resumed == history
    # A finished training is read, not repeated.
    model = network()
    train(model, killed, loss, recipe, score=score, checkpoint=path)
    assert_equal(weights(model), expected)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "run.ckpt"
    trained(Recipe(2, 1e-2), checkpoint=path)
    for recipe, seed in ((Recipe(2, 1e-3), 0), (Recipe(2, 1e-2), 1)):
        with pytest.raises(ContractError, match="another recipe, seed or network"):
            trained(recipe, seed=seed, checkpoint=path)


def test_patience_stops_and_returns_to_the_best_epoch():
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    kept = {}

    def score(model):
        kept[len(kept)] = weights(model)
        assert not model.training
        assert not torch.is_grad_enabled()
        return next(scores)

    found, history = trained(Recipe(9, 1e-2, patience=2), score=score)
    assert history.stopped
    assert history.best_epoch == 1
    assert history.score == [0.1, 0.5, 0.4, 0.3]
    assert_equal(found, kept[1])


def test_without_patience_every_epoch_is_run_and_the_best_kept():
    scores = iter([0.1, 0.5, 0.4, 0.3])
    _, history = trained(Recipe(4, 1e-2), score=lambda model: next(scores))
    assert (history.best_epoch, history.stopped, len(history.loss)) == (1, False, 4)


def test_patience_needs_a_score():
    with pytest.raises(ContractError, match="patience without a score"):
        trained(Recipe(2, 1e-2, patience=1))


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(ContractError, match="nan in epoch 1"):
        train(network(), batches, lambda m, b: loss(m, b) * torch.nan, Recipe(1, 0.1))


def test_the_gradient_is_clipped():
    model = torch.nn.Linear(5, 2)
    start = weights(model)
    recipe = Recipe(1, 1.0, "sgd", momentum=0.0, clip=1e-3)
    train(model, lambda e, g: [(X, 1e3 * Y)], loss, recipe)
    step = torch.cat([(model.state_dict()[k] - start[k]).flatten() for k in start])
    assert step.norm() == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("step", [1, 1, 0.5, 0.5]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.8536, 0.5, 0.1464]),
    ],
)
def test_schedules(schedule, expected):
    recipe = Recipe(4, 1.0, "sgd", schedule=schedule, step_epochs=2)
    model = torch.nn.Linear(1, 1)
    optimizer = make_optimizer(model, recipe)
    steps = make_schedule(optimizer, recipe)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        steps.step()
    assert rates == pytest.approx(expected, abs=1e-4)


def test_frozen_parameters_stay():
    model = network()
    model[0].requires_grad_(False)
    start = weights(model)
    train(model, batches, loss, Recipe(2, 1e-2))
    assert torch.equal(model[0].weight, start["0.weight"])
    assert not torch.equal(model[4].weight, start["4.weight"])


def test_nested_batches_are_moved():
    batch = {"a": [torch.ones(1), "name"], "b": (torch.ones(1), None)}
    found = moved(batch, torch.device("meta"))
    assert found["a"][0].is_meta
    assert found["b"][0].is_meta
    assert (found["a"][1], found["b"][1]) == ("name", None)


def test_recipes_are_checked_and_changed_by_name():
    assert Recipe(3, 0.1).but(epochs=5, learning_rate=None) == Recipe(5, 0.1)
    for wrong in ({"optimizer": "magic"}, {"schedule": "magic"}, {"epochs": 0}):
        with pytest.raises(ValueError, match="expected"):
            Recipe(3, 0.1).but(**wrong)


def test_mixed_precision_is_for_gpus_that_have_it_and_can_be_switched_off(monkeypatch):
    from histobridge.nn import training

    chosen = []
    monkeypatch.setattr(torch, "autocast", lambda *given: chosen.append(given))

    def asked(device, supported=True, **recipe):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
        chosen.clear()
        training._precision(torch.device(device), Recipe(1, 0.1, **recipe))
        return chosen == [("cuda", torch.bfloat16)]

    assert asked("cuda")
    assert not asked("cpu")
    assert not asked("cuda", supported=False)
    assert not asked("cuda", mixed_precision=False)


def test_the_loss_is_computed_in_the_precision_that_was_chosen(monkeypatch):
    from histobridge.nn import training

    kinds = []

    def watched(model, batch):
        out = model(batch[0])
        kinds.append(out.dtype)
        return ((out.float() - batch[1]) ** 2).mean()

    def mixed(device, recipe):
        return torch.autocast("cpu", torch.bfloat16, enabled=recipe.mixed_precision)

    monkeypatch.setattr(training, "_precision", mixed)
    for wanted, kind in ((True, torch.bfloat16), (False, torch.float32)):
        kinds.clear()
        recipe = Recipe(1, 1e-2, mixed_precision=wanted)
        train(network(), batches, watched, recipe)
        assert set(kinds) == {kind}
