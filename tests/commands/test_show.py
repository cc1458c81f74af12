"""`nnrep show`, and what the command suggests where something is unknown."""

import pytest


def test_a_key_is_explained_for_the_options_that_have_it(command):
    done = command("show", "optimizer.learning_rate", "seeds")
    assert done.returncode == 0
    assert (
        "optimizer.learning_rate: 0.01  (optimizer=adam, optimizer=sgd)\n  Of the fine stage" in done.stdout
    )
    assert "(optimizer=fire, optimizer=lbfgs)\n  The most that a coordinate moves" in done.stdout
    assert "\n\nseeds: 1\n  A count k (seeds 0..k-1) or a list.\n" in done.stdout


def test_a_group_is_explained_by_its_options_or_keys(command):
    done = command("show", "reparam", "record")
    assert "reparam=cg\n  Linear coarse-graining onto slow modes." in done.stdout
    assert "record.every: null\n  Write a trajectory" in done.stdout
    assert "record.pictures: true\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rum"], "rum: unknown verb (did you mean run?); choose from collect"),
        (["show", "n"], "n: unknown key (did you mean system.n?)"),
        (["show"], "show: names no key"),
        (["run", "reparam=gn"], "reparam=gn: unknown option (did you mean gnn or egnn?); choose from cg"),
        (["run", "n=30"], "n: unknown key (did you mean system.n?); choose from system"),
        (["run", "system.potental=pure_lj"], "system.potental: unknown key (did you mean potential"),
        (
            ["run", "reparam=cg", "+schedule.fine.patence=3"],
            "patence: unknown key (did you mean patience?)",
        ),
        (["run", "schedule.fine.patience=3"], "schedule.fine: unknown key; choose from"),
        (["run", "schedule.fine.patience=3"], "; schedule=paper has it"),
        (["run", "reparam=cg", "reparam.hidden=8"], "; reparam=gnn has it"),
        (["run", "system.potential=pur_lj"], "expected one of [bond_lj, pure_lj] (did you mean pure_lj"),
        (["run", "--help", "reparam=gn"], "reparam=gn: unknown option (did you mean gnn or egnn?)"),
        (["collect", ".", "duplicates=newst"], "newest, first, all, error, got newst (did you mean newest?)"),
        (["reproduce", "fg2"], "fg2: unknown figure (did you mean fig2"),
        (["run", "xyzzy=1"], "xyzzy: unknown key; choose from system"),
        (["run", "explore=replica_exchange"], "explore: no group of this verb; choose from system"),
        (["run", "experiment=fig2"], "experiment: is added to the configuration; write +experiment=NAME"),
        (["explore", "explore=mine"], "explore=mine: unknown option; choose from replica_exchange"),
    ],
)
def test_what_may_have_been_meant_is_said(command, arguments, line):
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert line in done.stderr


def test_the_command_for_completion_is_the_shells(command):
    done = command("-sc", "install=bash")
    assert done.returncode == 0
    assert "complete " in done.stdout
    assert "hydra_bash_completion" in done.stdout
