"""What the README shows works as it stands."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.schema import load_config

README = (Path(__file__).parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = re.findall(r"^(?:scripts/)?nnrep (?:run|modes) (.*)$", README, re.M)


@pytest.mark.parametrize("place", range(len(SNIPPETS)))
def test_python_snippets_run(place):
    names: dict = {}
    exec(SNIPPETS[place], names)
    assert names["result"].energy.shape == (len(names["result"].seeds),)
    assert all(names["result"].energy < names["result"].energy_start)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_valid(command):
    register_resolvers()
    words = [word for word in shlex.split(command, comments=True) if not word.startswith("-")]
    overrides = OverridesParser.create().parse_overrides(words)
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        for batch in BasicSweeper.split_arguments(overrides, max_batch_size=None):
            for job in batch:
                load_config(compose("config", overrides=list(job)))


def test_there_is_something_to_test():
    assert len(SNIPPETS) >= 2
    assert len(COMMANDS) >= 4
