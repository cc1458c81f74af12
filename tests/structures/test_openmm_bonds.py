"""Which pairs of an OpenMM system without names are bonds, and which are Urey-Bradley terms."""

import openmm
import pytest
from openmm import app

from nnrep.structures.engines import openmm as engine

RING = [(0, 1), (1, 2), (2, 0)]


@pytest.mark.parametrize(
    ("pairs", "angles", "bonds"),
    [
        (RING, [(0, 1, 2), (1, 2, 0), (2, 0, 1)], 3),  # of cyclopropane
        (RING, [(0, 1, 2)], 2),  # of water with a Urey-Bradley term
    ],
)
def test_rings_of_three_have_their_bonds(pairs, angles, bonds):
    topology, system = app.Topology(), openmm.System()
    residue = topology.addResidue("LIG", topology.addChain())
    for index in range(3):
        system.addParticle(12.0)
        topology.addAtom(f"C{index}", app.Element.getBySymbol("C"), residue)
    lengths, bends = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for pair in pairs:
        lengths.addBond(*pair, 0.15, 1000.0)
    for angle in angles:
        bends.addAngle(*angle, 1.0, 100.0)
    for force in (lengths, bends):
        system.addForce(force)
    engine._add_bonds(topology, system)
    assert topology.getNumBonds() == bonds
