"""Notes on starts, seeds and structures of proteins."""

from nnrep.figures.evidence import Evidence
from nnrep.structures.unfold import UnfoldConfig
from nnrep.systems.protein import Start

RANDOM_STARTS = (
    "Random starts: Gaussian clouds as wide as the native structure, another one for each seed, the same for "
    "all methods."
)
ACETYL = "ACE"
CAPPED = "1UNC"  # with an acetyl group before its first residue, in the Protein Data Bank


def notes_on_runs(evidence: Evidence) -> list[str]:
    """Sentences on starts, seeds and structures."""
    return [*_starts(evidence), *_seeds(evidence), *_cap(evidence)]


def _starts(evidence: Evidence) -> list[str]:
    """How unfolded starts were made, and how far they are from the native structure."""
    systems = [config.system for config in evidence.configs]
    unfolded = [system.unfold for system in systems if system.start is Start.unfolded]
    notes = [
        f"Unfolded starts: {way}. The paper's: 2 fs at 1000 K in explicit water."
        for way in dict.fromkeys(map(_unfolding, unfolded))
    ]
    starts = evidence.runs[evidence.runs["start"] == Start.unfolded.value]
    if len(starts):
        keys = ["structure", "start_seed"]
        means = starts.groupby(keys, sort=False, as_index=False)["rmsd_ca_start"].mean()
        rows = zip(means["structure"], means["start_seed"], means["rmsd_ca_start"], strict=True)
        each = ", ".join(f"{name} (seed {seed:.0f}) {rmsd:.2f} A" for name, seed, rmsd in rows)
        notes.append(f"RMSD of CA of these starts to the native structure: {each}.")
    return notes


def _unfolding(unfold: UnfoldConfig) -> str:
    return (
        f"{unfold.steps} steps of {unfold.timestep_fs:g} fs at {unfold.temperature:g} K, solvent "
        f"{unfold.solvent.value}"
    )


def _seeds(evidence: Evidence) -> list[str]:
    """What seeds draw, and whether runs of one start differ."""
    systems = [config.system for config in evidence.configs]
    clouds = any(system.start is Start.random for system in systems)
    notes = [RANDOM_STARTS] if clouds else []
    noises = {system.noise for system in systems if system.start is not Start.random}
    copies = "plain minimisation uses no random numbers"
    if not noises:
        return notes
    if 0 in noises:
        note = f"The runs of a start begin at the same positions: {copies}, and its runs are copies of one."
        return [*notes, note]
    widths = " or ".join(f"{noise:g}" for noise in sorted(noises))
    return [
        *notes,
        f"The seeds of a start add noise of {widths} A to every coordinate, the same for all methods: "
        f"{copies}, and its runs would be copies otherwise.",
        "Runs of one start say nothing about other starts.",
    ]


def _cap(evidence: Evidence) -> list[str]:
    """Whether a structure lacks the cap that its entry in the Protein Data Bank has."""
    molecule = evidence.molecules.get(CAPPED)
    if molecule is None:
        return []
    names = [residue.name for residue in molecule.topology.residues()]
    if ACETYL in names:
        return []
    return [
        f"{CAPPED}: the structure that was read ({molecule.source}) lacks the N-terminal acetyl group "
        f"({ACETYL}) of the entry; the chain begins with {names[0]}, charged."
    ]
