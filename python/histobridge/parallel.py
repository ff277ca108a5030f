"""Where independent work runs, and how far it is: joblib's backends, one bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import joblib

from histobridge.contract import ContractError

Progress = bool | Callable[[int, int], Any]
"""Whether to show a bar, or what is called with (done, total) after every job."""


@contextmanager
def workers_of(workers: int | None, cluster: str | None) -> Iterator[None]:
    """Run joblib's loops elsewhere; with neither, where the caller has said.

    Parameters
    ----------
    workers
        Processes on this machine.
    cluster
        Address of a Dask scheduler, e.g. ``tcp://host:8786``, whose workers have
        this package. A worker that dies gives its jobs back to the scheduler.

    Raises
    ------
    ContractError
        Both given, or dask.distributed is not installed.
    """
    if workers is not None and cluster is not None:
        raise ContractError("workers or a cluster", "both")
    with ExitStack() as stack:
        if workers is not None:
            stack.enter_context(joblib.parallel_config("loky", n_jobs=int(workers)))
        if cluster is not None:
            try:
                from dask.distributed import Client
            except ImportError:
                raise ContractError(
                    "dask.distributed for a cluster",
                    "not installed",
                    "histobridge[cluster]",
                ) from None
            client = Client(cluster, set_as_default=False)
            stack.callback(client.close)
            config = joblib.parallel_config("dask", client=client)
            stack.enter_context(config)
        yield


def run_each(
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    progress: Progress,
    label: str,
    done: int = 0,
) -> list[Any]:
    """Results of ``function(*call)`` in order, computed by joblib's backend.

    Every argument is sent by itself, so that a backend can keep what all calls
    share, like the data, with its workers. ``done`` are those the bar starts with.
    """
    from tqdm.auto import tqdm

    total = done + len(calls)
    hidden = progress is not True or not calls
    bar = tqdm(initial=done, total=total, desc=label, disable=hidden, leave=False)
    # What the backend cannot hand out one by one comes at the end.
    backend, _ = joblib.parallel.get_active_backend()
    kind = "generator" if backend.supports_return_generator else "list"
    pool = joblib.Parallel(return_as=kind, batch_size=1, pre_dispatch="all")
    results = []
    with bar:
        for result in pool(joblib.delayed(function)(*call) for call in calls):
            results.append(result)
            bar.update()
            if callable(progress):
                progress(done + len(results), total)
    return results
