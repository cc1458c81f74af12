"""Where runs are not the paper's: other energies (solvent, force fields, cutoff, held atoms) or settings."""

from nnrep.figures.claim import Claim, Verdict, Whose
from nnrep.figures.evidence import Evidence
from nnrep.structures.force_field_names import is_of_files

# Keys of `system` -> what the paper's proteins have.
PAPER = {"solvent": "vacuum", "cutoff_nm": None, "restraints": None, "frozen": None}


def changes_of_energy(evidence: Evidence) -> list[str]:
    """The settings that change the energy from the paper's, each once: "system.solvent=gbn2"."""
    changed = []
    for system in (config.system for config in evidence.configs):
        changed += [
            f"system.{key}={value}"
            for key, plain in PAPER.items()
            if (value := getattr(system, key, plain)) != plain
        ]
        name = getattr(system, "force_field", "")
        changed += [f"system.force_field={name}"] if is_of_files(name) else []
    return list(dict.fromkeys(changed))


def departing(claim: Claim, evidence: Evidence) -> Claim:
    """The claim, not tested if it is the paper's and the runs are not; the caveats say why.

    The settings of a figure are those of the paper: whatever changes them is not what the paper says.
    """
    energies, settings = changes_of_energy(evidence), evidence.changed
    if claim.of is not Whose.paper or not (energies or settings):
        return claim
    caveats = [f"not the paper's energy: {', '.join(energies)}"] if energies else []
    caveats += [f"not the figure's settings: {', '.join(settings)}"] if settings else []
    return claim._replace(verdict=Verdict.not_tested, caveats=(*caveats, *claim.caveats))


def notes_on_energy(evidence: Evidence) -> list[str]:
    """A sentence where runs are not on the paper's energies."""
    changed = changes_of_energy(evidence)
    if not changed:
        return []
    return [f"The energy is not the paper's ({', '.join(changed)}): its claims are not tested by these runs."]
