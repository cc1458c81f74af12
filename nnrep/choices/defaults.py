"""Where the defaults of choices stand: `configs/`, one file a choice."""

from pathlib import Path

from nnrep.errors import UserError


def config_folder() -> Path:
    """The configurations: inside an installed package, else those of the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise UserError(f"{package / 'configs'}: the configurations are missing; install nnrep again")
