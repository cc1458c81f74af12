"""How much a step of a run computes, which decides whether several threads pay."""

from nnrep.config.plan import Plan

# Multiply-adds of a pair's energy and gradient; of a decode with its gradient, in decodes.
PAIR, WITH_GRADIENT = 20, 3
# Below, XLA's threads wait for one another as long as they compute: of the time with two, one thread took
# 0.75 for a loop of 400 particles, 0.85 for 1000, 1 for 711 atoms with reparam=cholesky, and 1.6 for the
# network of width 300 on 284 atoms, at 150 million.
FEW = 12_000_000


def pays_threads(plan: Plan) -> bool:
    """Whether a step of all seeds is so much work that several threads are faster than one."""
    return step_work(plan) > FEW


def step_work(plan: Plan) -> int:
    """About how many multiply-adds a step of all seeds takes, in the stage with the most; 0 of a baseline."""
    if plan.size is None or not plan.stages:
        return 0
    pairs = plan.size.n * (plan.size.n - 1) // 2
    counts = [count or plan.size.n for count in plan.mode_counts]
    decodes = [
        stage.reparam.products(plan.size, count) for stage, count in zip(plan.stages, counts, strict=True)
    ]
    return len(plan.seeds) * (PAIR * pairs + WITH_GRADIENT * max(decodes))
