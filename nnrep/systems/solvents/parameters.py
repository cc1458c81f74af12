"""A molecule's parameters in a generalised Born solvent, read from OpenMM's force into NumPy arrays.

Known are `GBSAOBCForce`, and a `CustomGBForce` of the expressions in which OpenMM has OBC1, OBC2, GBn and
GBn2, whatever its numbers are.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnrep.energies.all_pairs import MAX_TABLE_ATOMS
from nnrep.energies.born_radii import NECK_REACH, NeckKinds, NeckTable
from nnrep.systems.force_fields.parameters import COULOMB
from nnrep.systems.solvents.expressions import Form, numbers_of

if TYPE_CHECKING:
    import openmm

# I: how far other atoms keep the solvent away, by their spheres, and by necks between the two.
SPHERE = Form(
    "select(step(r+sr2-or1),0.5*(1/L-1/U+0.25*(r-sr2^2/r)*(1/(U^2)-1/(L^2))+0.5*log(L/U)/r),0)",
    {"U": "r+sr2", "L": "max(or1,D)", "D": "abs(r-sr2)"},
)
NECK = (
    "step(radius1+radius2+neckCut-r)*getm0(radindex1,radindex2)"
    "/(1+100*(r-getd0(radindex1,radindex2))^2+0.3*1000000*(r-getd0(radindex1,radindex2))^6)"
)
OF_NECK = {"Ineck": NECK, "Ivdw": SPHERE.text, "radius1": "or1+offset", "radius2": "or2+offset"}
WITH_NECK = Form("Ivdw+neckScale*Ineck", {**SPHERE.parts, **OF_NECK}, ("neckScale", "neckCut", "offset"))
# B: the radii. The last polynomial is of each atom.
POLYNOMIALS = (
    "psi-{beta}*psi^2+{gamma}*psi^3",
    "{alpha}*psi+{gamma}*psi^3",
    "{alpha}*psi-{beta}*psi^2+{gamma}*psi^3",
    "alpha*psi-beta*psi^2+gamma*psi^3",
)
ABSENT = {"alpha": 1.0, "beta": 0.0}
RADII = [
    Form(f"1/(1/or-tanh({text})/radius)", {"psi": "I*or", "radius": "or+offset"}, ("offset",))
    for text in POLYNOMIALS
]
# Energies: of an atom with itself and of pairs, without salt and with it, and ACE's of the surface.
DIELECTRIC = ("soluteDielectric", "solventDielectric")
SALTY = (*DIELECTRIC, "kappa")
OWN = [
    Form("-0.5*{coulomb}*(1/soluteDielectric-1/solventDielectric)*charge^2/B", {}, DIELECTRIC),
    Form("-0.5*{coulomb}*(1/soluteDielectric-exp(-kappa*B)/solventDielectric)*charge^2/B", {}, SALTY),
]
DISTANCE = {"f": "sqrt(r^2+B1*B2*exp(-r^2/(4*B1*B2)))"}
PAIRS = [
    Form("-{coulomb}*(1/soluteDielectric-1/solventDielectric)*charge1*charge2/f", DISTANCE, DIELECTRIC),
    Form(
        "-{coulomb}*(1/soluteDielectric-exp(-kappa*f)/solventDielectric)*charge1*charge2/f", DISTANCE, SALTY
    ),
]
SURFACE = Form("{tension}*(radius+{probe})^2*(radius/B)^6", {"radius": "or+offset"}, ("offset",))
# Role -> name of the computed value, empty for an energy; whether it is of pairs; forms.
ROLES: dict[str, tuple[str, bool, list[Form]]] = {
    "sums": ("I", True, [SPHERE, WITH_NECK]),
    "radii": ("B", False, RADII),
    "own": ("", False, OWN),
    "pairs": ("", True, PAIRS),
    "surface": ("", False, [SURFACE]),
}
OPTIONAL = "surface"


class Shape(NamedTuple):
    """How a Born radius follows from the sum over other atoms, see `Spheres`: each (n,)."""

    alpha: np.ndarray
    beta: np.ndarray
    gamma: np.ndarray


class Born(NamedTuple):
    """A molecule in a generalised Born solvent; each array is (n,), lengths are in nm.

    Attributes:
        charge: in e.
        inner: radius less the offset.
        reach: of an atom's sphere.
        shape: of the Born radii.
        offset: of the inner radius from the radius.
        coulomb: Coulomb's constant in kJ nm / mol / e^2.
        solute, solvent: dielectric constants.
        kappa: of the salt, in 1/nm; zero without any.
        tension, probe: of ACE's 4 pi sigma (rho + probe)^2 (rho / B)^6, 4 pi sigma in kJ/mol/nm^2.
        neck: the necks; None for a model without.
        within: whether atoms within the spheres of others have the correction of `Spheres`.
    """

    charge: np.ndarray
    inner: np.ndarray
    reach: np.ndarray
    shape: Shape
    offset: float
    coulomb: float
    solute: float
    solvent: float
    kappa: float
    tension: float
    probe: float
    neck: NeckTable | NeckKinds | None = None
    within: bool = False


def born_of(force: "openmm.CustomGBForce | openmm.GBSAOBCForce") -> Born | None:
    """What a force has; None for one of another form, or with a cutoff."""
    if force.getNonbondedMethod() != type(force).NoCutoff:
        return None
    return _of_compiled(force) if hasattr(force, "getSurfaceAreaEnergy") else _of_expressions(force)


def _of_compiled(force: "openmm.GBSAOBCForce") -> Born:
    """The numbers that OpenMM's code has of its own are OBC2's, and its constants."""
    rows = [force.getParticleParameters(index) for index in range(force.getNumParticles())]
    table = np.array([(charge._value, radius._value, scale) for charge, radius, scale in rows], float)
    charge, radius, scale = table.reshape(-1, 3).T
    offset = 0.009
    return Born(
        charge,
        radius - offset,
        scale * (radius - offset),
        Shape(*(np.full_like(radius, value) for value in (1.0, 0.8, 4.85))),
        offset=offset,
        coulomb=COULOMB,
        solute=force.getSoluteDielectric(),
        solvent=force.getSolventDielectric(),
        kappa=0.0,
        tension=4 * np.pi * force.getSurfaceAreaEnergy()._value,
        probe=0.14,
        within=True,
    )


def _of_expressions(force: "openmm.CustomGBForce") -> Born | None:
    numbers, atoms = _numbers(force), atoms_of(force)
    if numbers is None or not atoms.keys() >= {"charge", "or", "sr"}:
        return None
    sums, radii, own, surface = (numbers[role] for role in ("sums", "radii", "own", "surface"))
    own_shape = "gamma" not in radii
    has_neck = "neckScale" in sums
    needed = {*(Shape._fields if own_shape else ()), *(("radindex",) if has_neck else ())}
    if not atoms.keys() >= needed:
        return None
    of_all = ABSENT | radii
    shape = (atoms[name] if own_shape else np.full_like(atoms["or"], of_all[name]) for name in Shape._fields)
    return Born(
        atoms["charge"],
        atoms["or"],
        atoms["sr"],
        Shape(*shape),
        offset=radii["offset"],
        coulomb=own["coulomb"],
        solute=own["soluteDielectric"],
        solvent=own["solventDielectric"],
        kappa=own.get("kappa", 0.0),
        tension=surface.get("tension", 0.0),
        probe=surface.get("probe", 0.0),
        neck=neck_of(force, atoms["radindex"], sums["neckScale"]) if has_neck else None,
    )


def _numbers(force: "openmm.CustomGBForce") -> dict[str, dict[str, float]] | None:
    """The numbers of each role of `ROLES`; None if an expression has none, or they do not fit one another."""
    globals_ = range(force.getNumGlobalParameters())
    known = {force.getGlobalParameterName(k): force.getGlobalParameterDefaultValue(k) for k in globals_}
    values = [force.getComputedValueParameters(k) for k in range(force.getNumComputedValues())]
    terms = [("", *force.getEnergyTermParameters(k)) for k in range(force.getNumEnergyTerms())]
    by_role: dict[str, dict[str, float]] = {}
    for name, text, kind in (*values, *terms):
        role, numbers = _role_of(force, name, text, kind, known)
        if numbers is None or role in by_role:
            return None
        by_role[role] = numbers
    if not by_role.keys() >= ROLES.keys() - {OPTIONAL}:
        return None
    offsets = {numbers["offset"] for numbers in by_role.values() if "offset" in numbers}
    reach = by_role["sums"].get("neckCut", NECK_REACH)
    fits = by_role["own"] == by_role["pairs"] and len(offsets) == 1 and reach == NECK_REACH
    return {OPTIONAL: {}, **by_role} if fits else None


def _role_of(
    force: "openmm.CustomGBForce", name: str, text: str, kind: int, known: dict[str, float]
) -> tuple[str, dict[str, float] | None]:
    """Role and numbers of an expression; None for the numbers of one without a role."""
    for role, (value, of_pairs, forms) in ROLES.items():
        wanted = force.ParticlePairNoExclusions if of_pairs else force.SingleParticle
        for form in forms if (value, wanted) == (name, kind) else ():
            if (numbers := numbers_of(text, form, known)) is not None:
                return role, numbers
    return "", None


def atoms_of(force: "openmm.CustomGBForce") -> dict[str, np.ndarray]:
    """The atoms' parameters (n,) by their names in OpenMM's formulas."""
    rows = [force.getParticleParameters(index) for index in range(force.getNumParticles())]
    names = [force.getPerParticleParameterName(index) for index in range(force.getNumPerParticleParameters())]
    return dict(zip(names, np.array(rows, float).reshape(-1, len(names)).T, strict=True))


def neck_of(force: "openmm.CustomGBForce", kind: np.ndarray, scale: float) -> NeckTable | NeckKinds:
    """The necks of a force that has their tables.

    Args:
        force: with the functions `getm0` and `getd0` of two kinds of atoms.
        kind: (n,) of the atoms.
        scale: of all necks.
    """
    tables = {}
    for index in range(force.getNumTabulatedFunctions()):
        width, height, values = force.getTabulatedFunction(index).getFunctionParameters()
        # The first kind counts fastest.
        tables[force.getTabulatedFunctionName(index)] = np.array(values).reshape(height, width).T
    depth, distance = scale * tables["getm0"], tables["getd0"]
    kind = kind.astype(int)
    if len(kind) > MAX_TABLE_ATOMS:
        return NeckKinds(depth, distance, kind)
    pairs = np.ix_(kind, kind)
    return NeckTable(depth[pairs], distance[pairs])
