"""Each key has a meaning, which stands in `configs/` alone; help and `nnrep show` give it."""

import re

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.choices.identity import flat
from nnrep.config.compose import register_resolvers
from nnrep.config.help import help_text
from nnrep.config.meanings import EXPLAINED, NAME, known_keys, meanings, options_of, similar_keys


def test_every_key_of_every_option_has_a_meaning():
    lacking = [
        f"{key} {each.option}" for key, given in known_keys().items() for each in given if not each.meaning
    ]
    assert lacking == []
    assert len(known_keys()) > 90


@pytest.mark.parametrize("group", [group for group in EXPLAINED if group != "modes"])
def test_every_option_has_a_meaning(group):
    for option in options_of(group):
        assert meanings(f"{group}/{option}").get(NAME), option


def test_comments_above_and_beside_a_key_are_its_meaning():
    texts = meanings("system/protein")
    assert texts["model"] == "Of an ensemble, counted from 1."
    assert texts["classical.bond_strength"] == "kJ/mol/nm^2"
    assert texts["unfold.timestep_fs"].startswith("Above 1 fs")
    assert "The paper gives no strengths" in texts["classical"]
    assert not any("@package" in text for text in meanings("system_defaults/protein").values())


def test_keys_without_a_comment_mean_what_those_they_follow_do():
    texts = meanings("schedule/paper")
    assert texts["coarse.patience"] == texts["fine.patience"] != ""
    assert (
        texts["coarse.max_steps"] == "Null: half of the run's max_steps, so that the fine stage has its turn."
    )


def test_help_leaves_out_groups_that_a_verb_takes_no_choice_of():
    lines = help_text("modes", "does something", ["system.n=20"], unused=["baseline"]).splitlines()
    assert not [line for line in lines if line.strip().startswith("baseline:")]
    assert {"  reparam: cg, cholesky, egnn, gnn, none, spectral, torsion", "  n: 20"} <= set(lines)


@pytest.mark.parametrize(
    "overrides", [[], ["system=protein", "reparam=cg", "schedule=relaxed", "seeds=[2,5]"]]
)
def test_help_is_the_configuration_with_the_meaning_of_its_keys(overrides):
    """As YAML it is the very configuration."""
    text = help_text("run", "does something", overrides)
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        register_resolvers()
        config = OmegaConf.to_container(compose("config", overrides=overrides), resolve=False)
    body = text.partition("shows another):\n\n")[2].partition("\n\nExamples:")[0]
    shown = OmegaConf.to_container(OmegaConf.create(body.replace("\n  n: ", "\n  'n': ")), resolve=False)
    assert flat(shown) == flat(config)
    assert not re.search(r"system_defaults|system_reparam|system_schedule|hydra/", text)
    assert "# A count k (seeds 0..k-1) or a list.\nseeds:" in text
    assert 'eval "$(nnrep -sc install=bash)"' in text


def test_keys_that_may_have_been_meant():
    assert similar_keys("n") == ["system.n"]
    assert "optimizer.learning_rate" in similar_keys("learning_rate")
    assert similar_keys("sytem.pdb")[0] == "system.pdb"
    assert similar_keys("xyzzy") == []
