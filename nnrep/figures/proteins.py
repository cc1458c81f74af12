"""What the protein figures have in common."""

from nnrep.figures.figure import Evidence

CAP = "ACE"
CAPPED = "1UNC"  # with an acetyl group before its first residue, in the Protein Data Bank


def notes_on_runs(evidence: Evidence) -> list[str]:
    """What is known of starts, seeds and structures, a sentence each."""
    found = [
        "Runs of one start share it but for noise on every coordinate (system.perturbation), which each seed "
        "draws for itself, the same for all methods: plain minimisation has no random numbers of its own, "
        "and its runs would be copies otherwise."
    ]
    if evidence.runs["device"].str.contains("cpu", case=False).any():
        found.append(
            "Replicas run one after the other on a CPU, where a batch of them takes longer than they do one "
            "by one; on other devices all seeds of a setting are one batch."
        )
    molecule = evidence.molecules.get(CAPPED)
    if molecule is not None:
        names = [residue.name for residue in molecule.topology.residues()]
        if CAP not in names:
            found.append(
                f"{CAPPED}: the structure that was read ({molecule.source}) lacks the N-terminal acetyl "
                f"group ({CAP}) of the entry; the chain begins with {names[0]}, charged."
            )
    return found
