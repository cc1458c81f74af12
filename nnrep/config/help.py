"""`nnrep run --help`: how a verb is used, and each key with its value and its meaning."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import add_plugins, register_resolvers
from nnrep.config.meanings import CHOSEN, NAME, WHOLE, meaning_lines, meanings, options_of

WIDTH = 110
STAND_IN = "key"  # in YAML; the key n would be quoted, as it could be read as no

EXAMPLES = """Examples:
  nnrep run system=loop reparam=gnn
  nnrep run reparam=cg system.n=1000 reparam.modes=0.2 seeds=5
  nnrep run --multirun reparam=none optimizer.learning_rate=0.05,0.02,0.01
  nnrep run --multirun system=protein 'system.pdb=glob(pdb/*.pdb)'
  nnrep run --multirun +experiment=fig2_smoke
  nnrep run hydra.run.dir=DIR resume=true
  nnrep modes system=protein
  nnrep modes system=protein modes.of=hessian analysis.minimize=true
  nnrep explore system.pdb=5AWL system.start=extended system.solvent=gbn2"""
FLAGS = """Flags:
  -m, --multirun        a job for each combination of values
  -c, --cfg job         print the configuration
  -i, --info            print how it was composed
  --debug               add the traceback to an error, which is one line"""
COMPLETION = 'Shell completion: eval "$(nnrep -sc install=bash)"; also fish and zsh.'


def help_text(verb: str, purpose: str, overrides: Sequence[str], unused: Sequence[str] = ()) -> str:
    """The help of a verb, with the configuration that overrides make.

    Args:
        verb: of the command line.
        purpose: what it does.
        overrides: all that it composes with, its own choices among them.
        unused: groups that are left out.

    Raises:
        HydraException: an override cannot be used.
    """
    register_resolvers(verb)
    add_plugins()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    chosen = dict(config.hydra.runtime.choices)
    ours = OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", *unused)])
    values: Any = OmegaConf.to_container(ours, resolve=False)
    groups = (f"  {group}: {', '.join(options_of(group))}" for group in CHOSEN if group in ours)
    experiments = fill(
        f"  +experiment: {', '.join(options_of('experiment'))}", WIDTH, subsequent_indent=" " * 4
    )
    parts = [
        f"usage: nnrep {verb} [KEY=VALUE ...]: {purpose}.",
        "\n".join(["Choose with group=option:", *groups, experiments]),
        f"nnrep show KEY explains a key for all options. The keys of this configuration (nnrep {verb} --help "
        "reparam=cg shows another):",
        "\n".join(commented(values, chosen)),
        EXAMPLES,
        FLAGS,
        COMPLETION,
    ]
    return "\n\n".join(parts)


def commented(values: Mapping[str, Any], chosen: Mapping[str, str]) -> Iterator[str]:
    """A configuration in YAML, each key below its meaning.

    Args:
        values: of the configuration.
        chosen: group -> option.
    """
    for key, value in values.items():
        if key not in CHOSEN:
            yield from _lines(key, value, meanings(WHOLE), key, "")
            continue
        texts = meanings(f"{key}/{chosen[key]}")
        yield from meaning_lines(texts.get(NAME, ""))
        yield f"{key}:"
        for inner, each in value.items():
            yield from _lines(inner, each, {} if inner == NAME else texts, inner, "  ")


def _lines(key: str, value: Any, texts: Mapping[str, str], path: str, indent: str) -> Iterator[str]:
    yield from meaning_lines(texts.get(path, ""), indent)
    if not isinstance(value, Mapping):
        written = OmegaConf.to_yaml({STAND_IN: value}).rstrip().removeprefix(STAND_IN)
        yield from (f"{indent}{line}" for line in f"{key}{written}".splitlines())
        return
    yield f"{indent}{key}:"
    for inner, each in value.items():
        yield from _lines(inner, each, texts, f"{path}.{inner}", indent + "  ")
