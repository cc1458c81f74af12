"""Stages that share a compiled loop, which takes longer to compile than to run for a small molecule."""

from collections.abc import Sequence

from nnrep.minimization.stage import Stage
from nnrep.reparam.cholesky import is_factored, unfactored
from nnrep.reparam.none import is_identity


def sharing_programs(stages: Sequence[Stage]) -> list[Stage]:
    """The stages, with those without a map in the form of one beside them that has a factor of the Hessian.

    Such a form takes the memory of the factor, and no time.

    Args:
        stages: all of a run, their optimisers as nnrep has them.
    """
    factored = {stage.optimizer.build for stage in stages if is_factored(stage.reparam)}
    free = unfactored() if factored else None
    return [
        stage._replace(reparam=free)
        if free is not None and is_identity(stage.reparam) and stage.optimizer.build in factored
        else stage
        for stage in stages
    ]
