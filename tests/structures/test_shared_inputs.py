"""Files as people have them: each is the molecule that it should be, or is refused in one line."""

import pytest
from checkout import SHARED_INPUTS
from structure_texts import DEFAULT, energy, fails

from nnrep.structures.prepare import prepared

pytestmark = [
    pytest.mark.skipif(not SHARED_INPUTS.is_dir(), reason="no inputs beside the checkout"),
    pytest.mark.usefixtures("cache"),
]

# File -> number of atoms, and energy in kJ/mol on the Reference platform of OpenMM, where it is known.
RIGHT = {
    "ss_missing_sidechain.pdb": (206, 19.32),
    "nme_missing_sidechain.pdb": (22, -58.66),
    "nhe_noter.pdb": (54, -230.947),
    "conect_left_after_strip.pdb": (208, 160.555),
    "same_number_last.pdb": (138, -239.5663),
    "same_number_nme.pdb": (22, -55.7610),
    "same_number_ace.pdb": (22, -55.7610),
    "same_number_first.pdb": (138, -239.5663),
    "ss_altlocs.pdb": (208, None),
    "alt_blank_and_AB.pdb": (57, 122.430),
    "microhet_blocks.pdb": (91, 201.519),
    "left_aligned_no_element.pdb": (138, -239.5663),
    "old_format.pdb": (138, -239.5663),
    "bom.pdb": (138, -239.5663),
    "bom.cif": (138, -239.5663),
    "cif_without_alt_id.cif": (138, -239.5663),
    "cys2_gromos.pdb": (208, 604.2579),
    "charmm_ace_ct3_patches.pdb": (22, -55.7610),
    "hydrogens_all_named_H.pdb": (43, None),
    "pymol_H01.pdb": (138, -239.5663),
    "deuterium_element_H.pdb": (138, -239.5663),
    "methyl_at_cut_CB.pdb": (86, None),
    "1E10.pdb": (22, -55.7610),
    "lysh_gromos11.pdb.gz": (103, None),
    "cym_round_trip.pdb": (400, None),
    "energy_near_zero.pdb": (230, 3.252),
}
REFUSED = {
    "no_data_line.cif": "no data_ block",
    "single_residue.pdb": "no template for a single amino acid",
    "one_atom_9999.pdb": "OH of TYR A 2",
    "atom_at_origin.pdb": "OH of TYR A 2",
    "two_chains_no_letter.pdb": "two chains have no letter",
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_molecule_of_a_file(name):
    atoms, value = RIGHT[name]
    molecule = prepared(str(SHARED_INPUTS / name), [], DEFAULT)
    assert molecule.n == atoms
    if value is not None:
        assert energy(molecule) == pytest.approx(value, abs=0.006)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused(name):
    fails(
        lambda: prepared(str(SHARED_INPUTS / name), [], DEFAULT),
        "system.pdb" if name[-3:] == "pdb" else name,
        name,
        REFUSED[name],
    )


def test_no_input_is_forgotten():
    files = {path.name for path in SHARED_INPUTS.iterdir()} - {"INDEX.txt"}
    assert files <= RIGHT.keys() | REFUSED.keys()
