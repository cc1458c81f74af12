"""The arguments of `nnrep reproduce`."""

import math
import shlex
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from nnrep.choices.identity import is_in
from nnrep.errors import UserError, chosen, require, similar
from nnrep.figures.registry import FIGURES
from nnrep.sweep.engines.engine import EngineSettings
from nnrep.sweep.engines.registry import ENGINES, engine_settings

USAGE = """usage: nnrep reproduce FIG [FIG ...] [KEY=VALUE ...]

Runs the settings of figures of the paper, and writes to results/FIG: runs.csv (a row for each run),
summary.csv (a row for each setting), claims.csv (the claims of the paper and their verdicts), FIG.png,
FIG.pdf and REPORT.md.

  FIG                    {figures}, or all
  profile=paper|smoke    the paper's sizes and grid (the default), or a small part of them, in minutes
  results_dir=DIR        in place of results
  resume=true            continue the runs of the same settings in DIR/FIG
  engine={engines}
                         who does the runs, see docs/many-machines.md; engine.workers=K processes, by default
                         one for every `threads` cores
  power=0.8              add seeds until the comparisons of a figure are decided, see docs/reproduce.md; for
                         figures that have some
  beyond=false           leave out the methods that the paper does not have, see below
  a key of nnrep run     for all settings: seeds=10, system.n=400, optimizer.learning_rate=0.02,0.01

Then methods that the paper does not have (L-BFGS, FIRE, OpenMM's minimiser) on the same problems: beyond.csv
and a section of REPORT.md. Keys of {own} apply
to the figure's own runs only, all others to both.

The same runs by Hydra: nnrep run --multirun +experiment=FIG, and with FIG_beyond (profile=smoke: FIG_smoke,
FIG_beyond_smoke)."""
# Groups and keys of the paper's methods; those beyond it have values of their own.
OWN_KEYS = ("reparam", "optimizer", "schedule", "modes", "baseline", "system.repulsion")

ENGINE = "engine."  # what the keys of the engine begin with

# Keys of the verb itself.
DEFAULTS = {
    **{"profile": "paper", "results_dir": "results", "resume": "false", "engine": "local"},
    **{"beyond": "true", "power": ""},
}

POWERS = (0.5, 0.99)  # of the seeds that are added


class Profile(Enum):
    """How much of a figure is run."""

    paper = "paper"
    smoke = "smoke"


class Request(NamedTuple):
    """What is to be reproduced.

    Attributes:
        figures: names, in order, each once.
        profile: of all of them.
        results: folder above those of the figures.
        resume: whether to go on with the runs that the folder holds.
        engine: who does the runs.
        beyond: whether what the paper does not have is run too.
        power: of the seeds that are added until comparisons are decided; None adds none.
        overrides: of every setting.
        command: the arguments as they were given.
    """

    figures: tuple[str, ...]
    profile: Profile
    results: Path
    resume: bool
    engine: EngineSettings
    beyond: bool
    power: float | None
    overrides: tuple[str, ...]
    command: str

    def experiment(self, figure: str) -> str:
        """The name of a figure's experiment in `configs/experiment`."""
        return figure if self.profile is Profile.paper else f"{figure}_{self.profile.value}"

    @property
    def shared_overrides(self) -> tuple[str, ...]:
        """Those that are also for what is beyond the paper: all but those of the paper's methods."""
        return tuple(override for override in self.overrides if not _is_own(override))


def _is_own(override: str) -> bool:
    """Whether an override is of the paper's methods."""
    key = override.lstrip("+~").partition("=")[0]
    return any(is_in(key, own) for own in OWN_KEYS)


def usage() -> str:
    """How the verb is used."""
    return USAGE.format(figures=", ".join(FIGURES), engines="|".join(ENGINES), own=", ".join(OWN_KEYS))


def completions() -> list[str]:
    """Words that may follow the verb, but for keys of runs."""
    profiles = [f"profile={profile.name}" for profile in Profile]
    engines = [f"engine={name}" for name in ENGINES]
    others = [f"{key}=" for key in DEFAULTS if key not in ("profile", "engine")]
    return [*FIGURES, "all", *profiles, *engines, *others]


def parse_arguments(arguments: list[str]) -> Request:
    """The request that arguments make.

    Raises:
        UserError: an unknown figure or flag, or a value that cannot be used.
    """
    figures: list[str] = []
    own = dict(DEFAULTS)
    of_engine: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if argument.startswith("-"):
            raise UserError(f"{argument}: unknown flag; see nnrep reproduce --help")
        if not equals:
            figures += _figures(argument)
        elif key in own:
            own[key] = value
        elif key.startswith(ENGINE):
            of_engine.append(argument.removeprefix(ENGINE))
        else:
            overrides.append(argument)
    if not figures:
        raise UserError(f"reproduce: names no figure; choose from {', '.join(FIGURES)}, all")
    power = _share(own["power"])
    if power is not None:
        _check_power(figures)
    return Request(
        figures=tuple(dict.fromkeys(figures)),
        profile=chosen(Profile, own["profile"], "profile"),
        results=_folder(own["results_dir"]),
        resume=_flag("resume", own["resume"]),
        engine=_engine(own["engine"], of_engine),
        beyond=_flag("beyond", own["beyond"]),
        power=power,
        overrides=tuple(overrides),
        command=shlex.join(["nnrep", "reproduce", *arguments]),
    )


def _figures(name: str) -> tuple[str, ...]:
    if name == "all":
        return tuple(FIGURES)
    if name not in FIGURES:
        meant = similar(name, FIGURES)
        raise UserError(f"{name}: unknown figure{meant}; choose from {', '.join(FIGURES)}, all")
    return (name,)


def _check_power(figures: list[str]) -> None:
    """Raise `UserError` for a power that no figure has a use for."""
    if not any(FIGURES[name].adds_seeds for name in figures):
        adding = ", ".join(name for name in FIGURES if FIGURES[name].adds_seeds)
        raise UserError(f"power: has no effect on {', '.join(figures)}; seeds are added to {adding}")


def _folder(value: str) -> Path:
    if not value:
        raise UserError("results_dir: must be a folder, got nothing")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise UserError(f"results_dir: {value}: no such user") from error


def _flag(key: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise UserError(f"{key}: must be true or false, got {value}")
    return value.lower() == "true"


def _engine(name: str, keys: list[str]) -> EngineSettings:
    """The engine of a name, with KEY=VALUE as Hydra reads them."""
    values: dict[str, object] = {}
    for key in keys:
        try:
            parsed = OverridesParser.create().parse_override(key)
        except HydraException as error:
            raise UserError(f"{ENGINE}{key}: cannot be read; put its value into quotes") from error
        require(not parsed.is_sweep_override(), f"{ENGINE}{parsed.key_or_group}", "one value", "a sweep")
        values[parsed.key_or_group] = parsed.value()
    return engine_settings({**values, "name": name})


def _share(value: str) -> float | None:
    if value in ("", "null"):
        return None
    try:
        power = float(value)
    except ValueError:
        power = math.nan
    if not POWERS[0] <= power <= POWERS[1]:
        raise UserError(f"power: must be from {POWERS[0]:g} to {POWERS[1]:g}, or null, got {value}")
    return power
