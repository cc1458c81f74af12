"""The settings of an experiment: its grids composed by Hydra, each one checked."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.choices.identity import digest, flat, hash_of, plain_form
from nnrep.config.compose import register_resolvers
from nnrep.config.composer import Composer
from nnrep.config.explain import explain
from nnrep.config.plan import Plan, resolve, without_effect_in
from nnrep.config.schema import RunConfig, load_config
from nnrep.errors import ConfigError, UserError, require
from nnrep.job import prepared
from nnrep.structures.fetch import UnavailableError
from nnrep.structures.molecule import Molecule
from nnrep.sweep.fitting import fitting
from nnrep.sweep.grids import grid_points
from nnrep.sweep.start_files import with_start_file

FIRST_FRESH_SEED = 2**30  # seeds of a sweep are below
FRESH_SEEDS = 4  # times as many
# Overrides of what is none of a setting: how many seeds there are, where files lie, what is written, and how
# many threads compute it.
NOT_IN_SETTINGS = ("seeds=", "paths.", "report=", "record.", "threads=")


@dataclass(frozen=True)
class Setting:
    """A point of a sweep.

    Attributes:
        plan: its plan, with all seeds.
        point: the overrides that make it.
        shape: equal for settings that share compiled programs.
        modes: equal for settings that share slow modes; empty where none are needed.
        unused: keys that were given a value without effect on it, with the line that refuses each.
    """

    plan: Plan
    point: str
    shape: str
    modes: str
    unused: dict[str, ConfigError] = field(default_factory=dict, compare=False)

    @property
    def config(self) -> RunConfig:
        """Its configuration."""
        return self.plan.config

    @property
    def hash(self) -> str:
        """The first half of its runs' names."""
        return self.plan.hash

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds."""
        return self.plan.seeds

    def run_id(self, seed: int) -> str:
        """The name of one of its runs."""
        return f"{self.hash}-{seed}"


class Experiment(NamedTuple):
    """What an experiment is made of.

    Attributes:
        settings: in order and without repetition.
        molecules: the structures that they name, prepared, by the names of these.
        missing: structures that could not be had -> why; their settings are left out.
        changed: the overrides, if some of the settings are none of the experiment's own.
    """

    settings: list[Setting]
    molecules: dict[str, Molecule]
    missing: dict[str, str]
    changed: tuple[str, ...] = ()


def experiment_settings(
    experiment: str,
    overrides: Sequence[str],
    *,
    fixed: bool = False,
    check: Callable[[RunConfig], None] | None = None,
) -> Experiment:
    """Every setting of an experiment of `configs/experiment`.

    Args:
        experiment: its name.
        overrides: of every setting, in Hydra's grammar; sweeps take the place of the experiment's.
        fixed: refuse sweeps over keys that the experiment does not sweep over.
        check: raises `ConfigError` for a setting that is not wanted.

    Raises:
        UserError: an override that cannot be used, naming its key; or not one of the structures can be had.
    """
    for override in overrides:
        if override.lstrip("+~").startswith(("hydra.", "hydra/", "experiment=")):
            raise UserError(f"{override}: belongs to nnrep run; a reproduction has its own experiment")
    register_resolvers("run")
    by_content: dict[str, Setting] = {}
    everywhere: dict[str, ConfigError] | None = None
    structures = _PreparedStructures()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        chosen = f"+experiment={experiment}"
        whole = compose("config", [chosen], return_hydra_config=True)
        grids = OmegaConf.to_container(whole.hydra.sweeper.grids)
        assert isinstance(grids, list)
        loader = GlobalHydra.instance().config_loader()
        composer = Composer(loader)
        folders = composer.compose([chosen, *_of_paths(overrides)]).paths.structures
        for point in fitting(grid_points(grids, overrides, loader), overrides):
            try:
                with_file = with_start_file(point, folders)
            except UnavailableError as unavailable:
                structures.missing[str(unavailable).partition(":")[0]] = str(unavailable)
                continue
            setting = _setting(composer, [chosen, *with_file], " ".join(point), structures, check)
            if setting is not None:
                everywhere = _common(everywhere, setting.unused)
                same = by_content.setdefault(_what_counts(setting.config), setting)
                wanted = "one value, as a count or a list [3,5]"
                require(same.seeds == setting.seeds, "seeds", wanted, "a sweep")
        if not by_content:
            raise UserError(next(iter(structures.missing.values())))
        for error in (everywhere or {}).values():
            raise error
        settings = list(by_content.values())
        _check_alike(settings, {key for grid in grids for key in grid}, fixed)
        others = [each for each in overrides if each.lstrip("+~").startswith(NOT_IN_SETTINGS)]
        changing = [each for each in overrides if each not in others]
        own = _hashes(composer, chosen, grid_points(grids, others, loader), folders) if changing else set()
    changed = tuple(changing) if any(each.hash not in own for each in settings) else ()
    return Experiment(settings, structures.by_name(), structures.missing, changed)


def _hashes(composer: Composer, chosen: str, points: list[list[str]], folders: Sequence[str]) -> set[str]:
    """The hashes of the settings of some points, whether or not their structures can be had."""
    hashes = set()
    for point in points:
        with suppress(UnavailableError):  # the file of a start
            raw = composer.compose([chosen, *with_start_file(point, folders)])
            hashes.add(resolve(load_config(raw)).hash)
    return hashes


def _common(some: dict[str, ConfigError] | None, others: dict[str, ConfigError]) -> dict[str, ConfigError]:
    """The keys of both; an override of all settings need not have an effect on each."""
    return others if some is None else {key: some[key] for key in some if key in others}


def _of_paths(overrides: Sequence[str]) -> list[str]:
    """The overrides that say where files are."""
    return [override for override in overrides if override.lstrip("+~").startswith("paths.")]


def first_fresh_seed(setting: Setting) -> int:
    """The lowest seed that it has not been chosen by: other `seeds` have other fresh ones."""
    return FIRST_FRESH_SEED + min(setting.seeds)


def with_fresh_seeds(setting: Setting, count: int | None = None) -> Setting:
    """The setting with seeds that it has not been chosen by: so many, or four times as many."""
    wanted = FRESH_SEEDS * len(setting.seeds) if count is None else count
    first = first_fresh_seed(setting)
    plan = setting.plan.with_seeds(tuple(range(first, first + wanted)))
    return replace(setting, plan=plan, modes=_modes_key(plan))


class _PreparedStructures:
    """Structures that have been looked for, each once: a network that is not there is slow to say so."""

    def __init__(self) -> None:
        self.molecules: dict[str, Molecule | None] = {}
        self.missing: dict[str, str] = {}

    def prepared(self, plan: Plan) -> Plan | None:
        """The plan with the size of its system; None if the structure that it names cannot be had.

        Raises:
            UserError: it cannot be computed, or has fewer modes than are wanted.
        """
        system = plan.config.system
        pdb = str(getattr(system, "pdb", None))
        if pdb in self.missing:
            return None
        key = system.molecule_key
        if key in self.molecules:
            return plan.for_molecule(self.molecules[key])
        try:
            plan, self.molecules[key] = prepared(plan)
        except UnavailableError as error:
            self.missing[pdb] = str(error)
            return None
        return plan

    def by_name(self) -> dict[str, Molecule]:
        """The molecules by their names.

        Raises:
            ConfigError: two have the same.
        """
        molecules = [molecule for molecule in self.molecules.values() if molecule is not None]
        for name, count in Counter(molecule.name for molecule in molecules).items():
            require(count == 1, "system.pdb", "structures of different names", f"{count} called {name}")
        return {molecule.name: molecule for molecule in molecules}


def _setting(
    composer: Composer,
    overrides: list[str],
    point: str,
    structures: _PreparedStructures,
    check: Callable[[RunConfig], None] | None,
) -> Setting | None:
    """The setting of a point; None if its structure is missing."""
    try:
        raw = composer.compose(overrides)
        plan = resolve(load_config(raw)).check_maps()
        unused = without_effect_in(raw, plan)
        if check is not None:
            check(plan.config)
        sized = structures.prepared(plan)
        if sized is None:
            return None
    except Exception as error:
        message = explain(error)
        if message is None and isinstance(error, ValueError | TypeError):  # Hydra's, of odd overrides
            message = " ".join(str(error).split())
        if message is None:
            raise
        raise UserError(f"{message} (in {point})") from error
    return Setting(sized, point, _shape_key(sized), _modes_key(sized), unused)


def _what_counts(config: RunConfig) -> str:
    """Equal for configurations of the same runs: how a start is unfolded is nothing to one that is not."""
    return hash_of(replace(config, system=config.system.without_unused()))


def _check_alike(settings: list[Setting], varied: set[str], fixed: bool) -> None:
    """What is compared must be one problem, and processes are started with one number of threads.

    Args:
        settings: all of them.
        varied: the keys of the experiment's own grids.
        fixed: whether all other keys must have one value in settings of one map and baseline.

    Raises:
        ConfigError: naming a key that differs, or one that has no effect.
    """
    plain = [setting.plan.plain for setting in settings]
    for key in ("threads", "precision", "max_steps"):
        _check_one(key, [each[key] for each in plain])
    systems = [flat(each["system"], "system") for each in plain]
    for key in {key for system in systems for key in system} - varied:
        _check_one(key, [system.get(key) for system in systems])
    if fixed:
        _check_fixed(plain, varied)
    for setting in settings:
        kept = setting.config.record.every
        require(kept is None, "record.every", "null, as a reproduction keeps no trajectories", kept)
        allowed = f"below 2^30 = {FIRST_FRESH_SEED}, where fresh seeds begin"
        require(max(setting.seeds) < FIRST_FRESH_SEED, "seeds", allowed, max(setting.seeds))


def _check_fixed(plain: list[dict[str, Any]], varied: set[str]) -> None:
    """Settings of one map and baseline differ in the experiment's own keys, and in what follows from them."""
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in plain:
        kinds.setdefault((each["reparam"]["name"], each["baseline"]["name"]), []).append(each)
    for alike in kinds.values():
        leaves = [flat(each) for each in alike]
        stages = ("coarse", "fine") if "optimizer.learning_rate" in varied else ()
        followers = {f"schedule.{stage}.learning_rate" for stage in stages}
        for key in sorted({key for each in leaves for key in each} - varied - followers):
            _check_one(key, [each.get(key) for each in leaves])


def _check_one(key: str, values: list[object]) -> None:
    given = list(dict.fromkeys(map(str, values)))
    require(len(given) == 1, key, "one value in a reproduction", " and ".join(given))


def _modes_key(plan: Plan) -> str:
    wanted = [
        [stage.reparam.wanted_modes, plain_form(stage.modes)]
        for stage in plan.stages
        if stage.reparam.needs_modes
    ]
    return digest({"modes": wanted, "start": plan.seeds[0], **plan.deciding}) if wanted else ""


def maps_key(plan: Plan) -> str:
    """Of all that decides the system and the maps of a plan: equal for plans that can take each other's."""
    modes = [plain_form(stage.modes) for stage in plan.stages]
    start = {"start": plan.seeds[0], "padded": plan.minimizes}
    return digest({"maps": _plain_maps(plan), "modes": modes, **start, **plan.deciding})


def _shape_key(plan: Plan) -> str:
    """Of what programs are compiled for; a key too fine only costs a change of worker."""
    maps, config = _plain_maps(plan), plan.config
    optimizers = [optimizer.name for optimizer in config.schedule.optimizers(config.optimizer)]
    engine = optimizers if plan.minimizes else plain_form(config.baseline)
    return digest({"maps": maps, "engine": engine, **plan.deciding})


def _plain_maps(plan: Plan) -> list[dict[str, Any]]:
    """The settings of the maps; how fast an optimiser goes through them is none of theirs."""
    return [{**plain_form(stage.reparam), "learning_rate_factor": None} for stage in plan.stages]
