"""Hydra in front of the jobs."""

import pytest
from hydra.core.plugins import Plugins

from nnrep.commands import hydra_app


@pytest.mark.parametrize(
    ("arguments", "composed"),
    [
        ((), False),
        (("system=protein", "+reparam.modes=3", "~modes.epsilon", "hydra.run.dir=here"), False),
        (("+experiment=fig2",), True),
        (("experiment=fig2", "seeds=1"), True),
        (("seeds=1,2", "--multirun"), True),
        (("-m", "seeds=1,2"), True),
        (("hydra.mode=MULTIRUN",), True),
        (("--config-dir", "mine"), True),
    ],
)
def test_settings_alone_are_a_single_run_without_a_composition_for_it(monkeypatch, arguments, composed):
    monkeypatch.setattr("sys.argv", ["nnrep", *arguments])
    monkeypatch.setattr(hydra_app, "_composed_mode", lambda *ignored: "of the configuration")
    expected = "of the configuration" if composed else None
    assert hydra_app._mode(None, "config", list(arguments)) == expected


def test_a_sweep_runs_where_hydra_has_looked_for_plugins_before(command, monkeypatch):
    """As in a process that has composed a configuration of its own."""
    classes = Plugins.instance().class_name_to_class
    others = {name: found for name, found in classes.items() if not name.startswith("hydra_plugins.")}
    monkeypatch.setattr(Plugins.instance(), "class_name_to_class", others)
    options = ("system.n=20", "system.loop_length=5", "reparam=none", "max_steps=20")
    done = command("run", "--multirun", *options, "seeds=1,2", "hydra.sweep.dir=sweep")
    assert done.returncode == 0, done.stderr
