"""What R has noted of an AnnData, which Python may have cut or sorted since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge import keys
from histobridge.interop.columns import names

if TYPE_CHECKING:
    from anndata import AnnData


def nested(adata: AnnData) -> dict[str, AnnData]:
    """Alternative experiments, with the spots that ``adata`` has and in their order.

    Those that lack one of its spots are left out; :func:`outdated` names them.
    """
    spots = adata.obs_names
    found = {}
    for key, inner in adata.uns.get(keys.ALT_EXPERIMENTS, {}).items():
        if inner.obs_names.equals(spots):
            found[key] = inner
        elif spots.isin(inner.obs_names).all() and inner.obs_names.is_unique:
            found[key] = inner[spots]
    return found


def outdated(adata: AnnData) -> list[str]:
    """Name what R has noted for other spots or features than there are now."""
    experiments = set(adata.uns.get(keys.ALT_EXPERIMENTS, {})) - set(nested(adata))
    left = [
        f'uns["{keys.ALT_EXPERIMENTS}"]["{key}"] (of other spots)'
        for key in sorted(experiments)
    ]
    record = adata.uns.get(keys.RECORD, {})
    if "rowRanges" in record:
        known = names(record["rowRanges"]["value"]["names"])
        if not adata.var_names.isin(known).all():
            left.append(f'uns["{keys.RECORD}"]["rowRanges"] (of other features)')
    return left
