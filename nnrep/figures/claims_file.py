"""The claims of a figure as its folder holds them, also those of earlier versions."""

from pathlib import Path

import pandas as pd

from nnrep.figures.claim import CLAIM_COLUMNS, Verdict, Whose
from nnrep.records.table import read_text

# What claims need in tables that were made before claims named it.
EARLIER = "as in its report, before claims named the settings that they need"


def read_claims(path: Path) -> pd.DataFrame:
    """A figure's table of claims with all columns, in text.

    Earlier ones tell by their source whose a claim is. Their settings were not the paper's: nothing of them
    was tested, whatever they say.

    Raises:
        UserError: it cannot be read.
    """
    table = read_text(path)
    if "of" not in table.columns:
        ours = table["source"].str.startswith("ours")
        table = table.assign(
            of=ours.map({True: Whose.ours.value, False: Whose.paper.value}),
            needs=EARLIER,
            verdict=Verdict.not_tested.value,
            caveats="run with other settings than the paper's; by these: " + table["verdict"],
        )
    return table.reindex(columns=CLAIM_COLUMNS, fill_value="")
