import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import nnrep
from nnrep.modes.backbone import Backbone
from nnrep.modes.here import modes_here
from nnrep.modes.slow import ModesOf
from nnrep.reparam import graph, linear
from nnrep.reparam.base import moved_of, with_moved
from nnrep.reparam.cg import linear_here
from nnrep.reparam.expansion import expand, expansion, project

KEY = jax.random.key(3)
MODES = 5


@pytest.fixture(scope="module")
def system():
    jax.config.update("jax_enable_x64", True)
    return nnrep.load_system("loop", n=30)


@pytest.fixture(scope="module")
def psi(system):
    return expansion(nnrep.slow_modes(system, k=MODES).vectors)


def maps_along_modes(system):
    yield from (linear(nnrep.slow_modes(system, k=MODES)), graph(nnrep.slow_modes(system, k=MODES), 8))
    for of in ModesOf.backbone, ModesOf.hessian:
        here = modes_here(system, MODES, of, Backbone.mean_norm)
        yield from (linear_here(here), graph(here, 8))


def products(jaxpr):
    """Every product of matrices in a program and those that it calls."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


@pytest.mark.parametrize(("product", "rows"), [(expand, MODES), (project, 30)])
def test_products_and_their_gradients_are_those_of_the_matrix(psi, product, rows):
    matrix = psi.vectors if product is expand else psi.vectors.T
    factors = jax.random.normal(KEY, (4, rows, 3))
    np.testing.assert_allclose(product(psi, factors[0]), matrix @ factors[0], atol=1e-14)

    def of_plain(x):
        return jnp.sum(jnp.sin(matrix @ x))

    def of_product(x):
        return jnp.sum(jnp.sin(product(psi, x)))

    for transform in (jax.grad, jax.hessian):
        np.testing.assert_allclose(
            jax.vmap(transform(of_product))(factors), jax.vmap(transform(of_plain))(factors), atol=1e-12
        )


def test_no_gradient_multiplies_by_modes_that_lie_the_other_way(system):
    """A product with the transpose of an array (n, k) is several times slower on a CPU."""
    for reparam in maps_along_modes(system):
        params = reparam.init(KEY, system.positions)

        def energy(moved, reparam=reparam, params=params):
            return jnp.sum(reparam.decode(with_moved(params, moved)) ** 2)

        program = jax.make_jaxpr(jax.grad(energy))(moved_of(params)).jaxpr
        n, dim = system.positions.shape
        along = {n * MODES, n * dim * MODES}
        rows = [
            (contracted, operand.aval.ndim - 1)
            for each in products(program)
            for operand, (contracted,) in zip(each.invars, each.params["dimension_numbers"][0], strict=True)
            if operand.aval.size in along
        ]
        assert len(rows) >= 2
        assert all(contracted == last for contracted, last in rows)
