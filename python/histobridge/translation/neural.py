"""The translator of every network: table, stages of training, prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.contract import ContractError
from histobridge.images.features import feature_names, same_features
from histobridge.nn.recipe import Recipe
from histobridge.nn.size import Size
from histobridge.normalisation import pearson_columns
from histobridge.splits import inner_splits
from histobridge.translation.base import Translator
from histobridge.translation.inputs import Inputs, whole_sections
from histobridge.translation.options import Options
from histobridge.translation.scaling import Scaling
from histobridge.translation.training_table import (
    Truth,
    mark_known,
    other_genes,
    spot_counts,
)

if TYPE_CHECKING:
    import torch
    from anndata import AnnData

    from histobridge.nn.batch import Batch
    from histobridge.nn.network import Network
    from histobridge.nn.training import History

CHUNK = 256
"""Spots predicted at a time where spots do not see each other."""


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes
    ----------
    sampler, size
        One of ``nn.sampling.SAMPLERS`` and its number of spots or regions.
    loss
        Method of the network that gives it.
    trains
        Blocks of the network that are trained; all where empty.
    """

    recipe: Recipe
    sampler: str = "spots"
    size: int = 128
    loss: str = "loss"
    trains: tuple[str, ...] = ()


class NeuralTranslator(Translator):
    """A network trained by the one loop.

    Parameters
    ----------
    network
        ``network(size)`` builds it, once the number of genes is known.
    inputs
        What it reads.
    stages
        Of training, one after the other; the last one fits expression.
    scaling
        Scale of the target, see :class:`Scaling`.
    counts
        Whether the loss reads raw counts (whole numbers).
    auxiliary
        How many of the most variable other genes the loss reads as well.

    Attributes
    ----------
    options
        What the user chose, see :class:`Options`.
    network_, size_
        The trained network on the CPU and what it was built for.
    histories_
        Loss and score of every epoch of every stage.
    """

    def __init__(
        self,
        network: Callable[[Size], Network],
        inputs: Inputs,
        stages: Stage | Sequence[Stage],
        *,
        scaling: str = "centre",
        counts: bool = False,
        auxiliary: int = 0,
    ):
        self.network, self.inputs = network, inputs
        self.stages = (stages,) if isinstance(stages, Stage) else tuple(stages)
        self.scaling = Scaling(scaling)
        self.counts, self.auxiliary = counts, auxiliary
        self.options = Options()

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.features_ = feature_names(adata) if self.inputs.features else []
        fitted, held = self._held_out(adata, spots)
        truth = self._truth(adata, fitted, target[np.isin(spots, fitted)])
        rows, table = self._table(adata, spots)
        mark_known(table, rows, truth, adata, self.options.seed)
        self.size_ = self._size(table, fitted)
        self.network_ = self._built(self.options.seed)
        self.network_.begin(table)
        score = None
        if len(held):
            wanted = target[np.isin(spots, held)]
            score = self._scorer(adata, table, rows, held, wanted)
        self.histories_ = [
            self._train(number, table, score) for number in range(len(self.stages))
        ]
        self.network_.finish(table)
        history = self.histories_[-1]
        self.settings_ |= {
            "scale": self.size_.scale,
            "parameters": sum(p.numel() for p in self.network_.parameters()),
            "n_held_out": len(held),
            "epochs": len(history.loss),
            "best_epoch": history.best_epoch + 1,
        }

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        rows, table = self._table(adata, spots)
        if self.inputs.features:
            same_features(self.features_, feature_names(adata))
        return self.scaling.back(self._answers(table, np.searchsorted(rows, spots)))

    def get_state(self) -> dict[str, Any]:
        """Weights by name, and what the network was built for."""
        return {
            "size": asdict(self.size_),
            "weights": dict(self.network_.state_dict()),
            "features": self.features_,
            "shift": self.scaling.shift_,
            "unit": self.scaling.unit_,
            "histories": [asdict(history) for history in self.histories_],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Build the network for its size and give it its weights."""
        import torch

        from histobridge.nn.training import History

        self.size_ = Size(**state["size"])
        self.features_ = state["features"]
        self.scaling.shift_, self.scaling.unit_ = state["shift"], state["unit"]
        self.histories_ = [History(**history) for history in state["histories"]]
        self.network_ = self._built(0)
        weights = {k: torch.from_numpy(v.copy()) for k, v in state["weights"].items()}
        self.network_.load_state_dict(weights)
        self.network_.eval()

    def _table(self, adata: AnnData, spots: np.ndarray) -> tuple[np.ndarray, Batch]:
        """Rows of the sections that hold ``spots``, and what is seen of them."""
        rows = whole_sections(adata, spots)
        inputs = replace(self.inputs, patch=self.options.patch(self.inputs.patch))
        return rows, inputs.table(adata, rows)

    def _truth(self, adata: AnnData, fitted: np.ndarray, target: np.ndarray) -> Truth:
        """What the loss may read, of ``fitted`` spots only."""
        counts, library = None, None
        if self.counts:
            counts, library = spot_counts(adata, fitted, self.genes_)
        others = None
        if self.auxiliary:
            others = other_genes(adata, fitted, self.genes_, self.auxiliary)
        scaled = self.scaling.fit(target).forward(target)
        return Truth(fitted, scaled, counts, library, others)

    def _size(self, table: Batch, fitted: np.ndarray) -> Size:
        return Size(
            genes=len(self.genes_),
            spots=len(fitted),
            features=0 if table.features is None else table.features.shape[1],
            pixels=0 if table.pixels is None else table.pixels.shape[1],
            auxiliary=0 if table.auxiliary is None else table.auxiliary.shape[1],
            tiles=0 if table.tiles is None else table.tiles.shape[2],
            scale=self.options.size(),
            names=tuple(self.genes_),
        )

    def _built(self, seed: int) -> Network:
        from histobridge.nn.seeding import seeded

        with seeded(seed):
            return self.network(self.size_)

    def _held_out(
        self, adata: AnnData, spots: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Training spots that are fitted, and those of an inner group to stop by.

        Both in the order of ``spots``.
        """
        recipe = self.options.recipe(self.stages[-1].recipe, last=True)
        if recipe.patience is None:
            return spots, spots[:0]
        folds = inner_splits(adata, spots, self.options.seed)
        if not folds:
            raise ContractError("training spots enough to hold some out", len(spots))
        fitted, held = (spots[np.isin(spots, part)] for part in folds[0])
        return fitted, held

    def _train(
        self,
        number: int,
        table: Batch,
        score: Callable[[Network], float] | None,
    ) -> History:
        from histobridge.nn.sampling import SAMPLERS
        from histobridge.nn.training import only, train

        stage, options = self.stages[number], self.options
        last = number == len(self.stages) - 1
        sampler = SAMPLERS[stage.sampler]
        size = options.batch_size if last and options.batch_size else stage.size
        with only(self.network_, stage.trains):
            return train(
                self.network_,
                lambda epoch, generator: sampler(table, size, generator),
                lambda network, batch: getattr(network, stage.loss)(batch),
                options.recipe(stage.recipe, last=last),
                score=score if last else None,
                seed=options.seed + number,
                device=options.device,
                checkpoint=options.checkpoint_of(number),
                title=f"stage {number + 1} of {len(self.stages)}",
                progress=options.progress,
            )

    def _answers(self, table: Batch, wanted: np.ndarray) -> np.ndarray:
        """What the network says of some rows (n, genes), on the scale of the target."""
        import torch

        from histobridge.nn.training import device_of

        device = device_of(self.network_)
        out = np.zeros((len(table), self.size_.genes))
        with torch.inference_mode():
            for rows in self._parts(table, torch.from_numpy(np.unique(wanted))):
                part = table.take(rows).to(device)
                out[rows.numpy()] = self.network_.predict(part).float().cpu().numpy()
        return out[wanted]

    def _parts(self, table: Batch, wanted: torch.Tensor) -> Iterator[torch.Tensor]:
        """Whole sections where spots see each other, else chunks of spots."""
        if self.stages[-1].sampler == "sections":
            for code in table.section[wanted].unique():
                yield (table.section == code).nonzero().squeeze(1)
        else:
            yield from wanted.split(CHUNK)

    def _scorer(
        self,
        adata: AnnData,
        table: Batch,
        rows: np.ndarray,
        held: np.ndarray,
        wanted: np.ndarray,
    ) -> Callable[[Network], float]:
        """Mean per-gene Pearson within sections of the spots that were held out."""
        sections = graphs.section_codes(adata)[held]
        place = np.searchsorted(rows, held)

        def score(network: Network) -> float:
            network.finish(table)
            guess = self.scaling.back(self._answers(table, place))
            found = [
                pearson_columns(guess[sections == s], wanted[sections == s]).mean()
                for s in np.unique(sections)
            ]
            return float(np.mean(found))

        return score
