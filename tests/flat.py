"""`nnrep.minimize` with all options side by side, as tests vary them one by one."""

import nnrep
from nnrep.minimization.optimizers.optimizer import no_clamp

STAGES = {"coarse_optimizer", "stopping", "coarse_stopping", "coarse_steps", "fit"}
MONITOR = {"on_progress", "should_stop", "checkpoint", "record_every"}


def minimize(system, reparam=None, *, stages=None, restarts=0, **options):
    """Options of `minimize`, `two_stages`, `Monitor` and `Restarts`; `stages` in the place of a map."""
    options = {name: value for name, value in options.items() if value is not None}
    of_stages = {name: options.pop(name) for name in STAGES & options.keys()}
    monitor = nnrep.Monitor(**{name: options.pop(name) for name in MONITOR & options.keys()})
    failing = {"min_contact_fraction": options.pop("min_contact_fraction", 0.5)}
    given = stages if stages is not None else reparam
    if of_stages:
        optimizer = options.pop("optimizer", None)
        given = nnrep.two_stages(reparam, optimizer=optimizer, **of_stages)
    return nnrep.minimize(
        system, given, monitor=monitor, restarts=nnrep.Restarts(restarts, **failing), **options
    )


def chained(make, rate, clamp=None, decay_rate=1.0, decay_steps=1000):
    """An optimiser with clamp and decay, `chained(nnrep.adam, 1e-2, clamp=0.1)`."""
    decaying = nnrep.exponential_decay(rate, decay_rate, decay_steps)
    return nnrep.chain(nnrep.clamp(no_clamp() if clamp is None else clamp), make(decaying))
