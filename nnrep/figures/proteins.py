"""What the protein figures have in common: notes on their starts, seeds and structures."""

from nnrep.figures.figure import Evidence
from nnrep.structures.unfold import UnfoldConfig
from nnrep.systems.protein import Start

DYNAMICS, MINIMIZER = "openmm_dynamics", "openmm_minimizer"
BASELINES = {DYNAMICS: "OpenMM dynamics", MINIMIZER: "OpenMM minimiser"}
GD = "GD"
RANDOM_STARTS = (
    "Random starts: Gaussian clouds as wide as the native structure, which each seed draws for itself, the "
    "same for all methods."
)
CAP = "ACE"
CAPPED = "1UNC"  # with an acetyl group before its first residue, in the Protein Data Bank


def notes_on_runs(evidence: Evidence) -> list[str]:
    """What is known of starts, seeds and structures, a sentence each."""
    return [*_starts(evidence), *_seeds(evidence), *_cap(evidence)]


def _starts(evidence: Evidence) -> list[str]:
    systems = [config.system for config in evidence.configs]
    shaken = [system.unfold for system in systems if system.start is Start.unfolded]
    ways = {_unfolding(unfold): None for unfold in shaken}
    found = [
        f"Unfolded starts: {way}. The paper's: 20000 steps of 2 fs at 1000 K in explicit water."
        for way in ways
    ]
    starts = evidence.runs[evidence.runs["start"] == Start.unfolded.value]
    if len(starts):
        whose = ["structure", "start_seed"]
        means = starts.groupby(whose, sort=False, as_index=False)["rmsd_ca_start"].mean()
        rows = zip(means["structure"], means["start_seed"], means["rmsd_ca_start"], strict=True)
        each = ", ".join(f"{name} (seed {seed:.0f}) {rmsd:.2f} A" for name, seed, rmsd in rows)
        found.append(f"RMSD of CA of these starts to the native structure: {each}.")
    return found


def _unfolding(unfold: UnfoldConfig) -> str:
    return (
        f"{unfold.steps} steps of {unfold.timestep_fs:g} fs at {unfold.temperature:g} K, solvent "
        f"{unfold.solvent.value}"
    )


def _seeds(evidence: Evidence) -> list[str]:
    systems = [config.system for config in evidence.configs]
    clouds = any(system.start is Start.random for system in systems)
    found = [RANDOM_STARTS] if clouds else []
    noises = {system.noise for system in systems if system.start is not Start.random}
    copies = "plain minimisation has no random numbers of its own"
    if not noises:
        return found
    if 0 in noises:
        told = f"The runs of a start begin at the same bits: {copies}, and its runs are copies of one."
        return [*found, told]
    told = " or ".join(f"{noise:g}" for noise in sorted(noises))
    return [
        *found,
        f"Runs of one start share it but for noise of {told} A on every coordinate, which each seed draws "
        f"for itself, the same for all methods: {copies}, and its runs would be copies otherwise.",
        "Intervals are over such runs of one start: they do not say what another one gives.",
    ]


def _cap(evidence: Evidence) -> list[str]:
    molecule = evidence.molecules.get(CAPPED)
    if molecule is None:
        return []
    names = [residue.name for residue in molecule.topology.residues()]
    if CAP in names:
        return []
    return [
        f"{CAPPED}: the structure that was read ({molecule.source}) lacks the N-terminal acetyl group "
        f"({CAP}) of the entry; the chain begins with {names[0]}, charged."
    ]
