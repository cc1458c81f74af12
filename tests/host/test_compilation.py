"""Options of XLA, which differ from one version to the next."""

import jax
import pytest

from nnrep.host.compilation import QUICKLY, WIDELY


@pytest.mark.parametrize("options", [QUICKLY, WIDELY])
def test_the_installed_version_accepts_the_options(options):
    assert jax.jit(lambda x: x + 1, compiler_options=options)(1.0) == 2
