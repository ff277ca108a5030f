"""Optimal transport that respects a cost and the structure on either side."""

from __future__ import annotations

import numpy as np


def entropic_plan(
    cost: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    structure: float,
    epsilon: float,
    iterations: int = 10,
    sinkhorn: int = 100,
) -> np.ndarray:
    """Fused Gromov-Wasserstein plan (n, m) between uniform masses, with entropy.

    Projected gradients (Peyre, Cuturi and Solomon 2016, ICML) of
    ``(1 - structure) <cost, T> + structure * GW(first, second, T) - epsilon H(T)``.

    Parameters
    ----------
    cost
        (n, m).
    first, second
        Distances within either side, (n, n) and (m, m).
    structure
        Weight of the Gromov-Wasserstein term.
    epsilon
        Entropic regularisation; costs are best scaled to a largest value near 1.
    iterations, sinkhorn
        Outer steps, and scaling steps within each.
    """
    import ot

    n, m = cost.shape
    p, q = np.full(n, 1 / n), np.full(m, 1 / m)
    plan = np.outer(p, q)
    constant, left, right = ot.gromov.init_matrix(first, second, p, q, "square_loss")
    for _ in range(iterations):
        gradient = ot.gromov.gwggrad(constant, left, right, plan)
        total = (1 - structure) * cost + structure * gradient
        # The log domain: a small epsilon underflows in the plain one.
        plan = ot.bregman.sinkhorn_log(
            p, q, total, epsilon, numItermax=sinkhorn, warn=False
        )
    return plan


def partial_plan(cost: np.ndarray, mass: float) -> np.ndarray:
    """Cheapest plan (n, m) that moves ``mass`` of two uniform unit masses.

    The rest goes to one dummy on either side, at no cost (Chapel, Alaya and Gasso
    2020, NeurIPS).
    """
    import ot

    n, m = cost.shape
    p, q = np.full(n, 1 / n), np.full(m, 1 / m)
    # Adding a constant changes no plan of fixed mass, and dummies cost least.
    cost = cost - cost.min()
    if mass >= 1:
        return ot.emd(p, q, cost, numItermax=10_000_000)
    wider = np.zeros((n + 1, m + 1))
    wider[:n, :m] = cost
    wider[n, m] = 1e3 * (1 + cost.max())
    rest = 1 - mass
    found = ot.emd(np.append(p, rest), np.append(q, rest), wider, numItermax=10_000_000)
    return found[:n, :m]


def fused_plan(
    cost: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    *,
    structure: float,
    mass: float = 1.0,
    iterations: int = 200,
    tol: float = 1e-6,
) -> np.ndarray:
    """Fused Gromov-Wasserstein plan without entropy, of all or a part of the mass.

    Conditional gradients with exact line search (Vayer et al. 2019, ICML) of
    ``(1 - structure) <cost, T> + structure * sum (first_ik - second_jl)^2 T_ij T_kl``.

    Parameters
    ----------
    start
        (n, m) plan of the same mass.
    tol
        Stop when a step gains less than this share of the objective.
    """

    def product(plan: np.ndarray) -> np.ndarray:
        row, column = plan.sum(axis=1), plan.sum(axis=0)
        square = ((first**2) @ row)[:, None] + ((second**2) @ column)[None]
        return square - 2 * first @ plan @ second

    plan, twisted = start, product(start)
    value = _objective(cost, plan, twisted, structure)
    for _ in range(iterations):
        gradient = (1 - structure) * cost + 2 * structure * twisted
        step = partial_plan(gradient, mass) - plan
        turned = product(step)
        slope = float((gradient * step).sum())
        bend = structure * float((turned * step).sum())
        # Along the step the objective is a parabola.
        length = 1.0 if bend <= -slope / 2 else -slope / (2 * bend)
        plan, twisted = plan + length * step, twisted + length * turned
        reached = _objective(cost, plan, twisted, structure)
        if value - reached <= tol * abs(value):
            break
        value = reached
    return np.maximum(plan, 0.0)


def _objective(
    cost: np.ndarray, plan: np.ndarray, twisted: np.ndarray, structure: float
) -> float:
    linear, quadratic = (cost * plan).sum(), (twisted * plan).sum()
    return float((1 - structure) * linear + structure * quadratic)
