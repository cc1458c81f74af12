"""`Command`: a verb of the command line."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from nnrep.errors import EXIT_OK, UserError

HELP = ("--help", "-h")
SWEEP_FLAGS = ("-m", "--multirun")


class HydraVerb(NamedTuple):
    """A verb whose arguments are overrides of the configuration.

    Attributes:
        name: of the verb.
        purpose: what it does, in a line.
        job: the module whose `check_job` and `run_job` it calls, once a configuration is composed.
        has_rows: whether a job leaves runs.csv, so that a sweep has a table of all rows.
        with_choices: overrides -> the same, behind the choices that the verb begins with.
        unused: groups of which it takes no other choice than the default; its help leaves them out.
    """

    name: str
    purpose: str
    job: str
    has_rows: bool = False
    with_choices: Callable[[Sequence[str]], list[str]] = list
    unused: tuple[str, ...] = ()


class Command(NamedTuple):
    """A verb; its module imports what it works with only when it is called.

    Attributes:
        summary: what it does, for the list of verbs.
        main: arguments after the verb -> exit status. Raises `UserError` for what a user can mend.
        words: what may follow it, for completion; None for folders and files, or what Hydra knows.
        takes_long: whether it takes seconds until there is something to show.
        hydra: what it is as a verb whose arguments are overrides of the configuration, if it is one.
    """

    summary: str
    main: Callable[[list[str]], int]
    takes_long: bool = False
    words: Callable[[], Iterable[str]] | None = None
    hydra: HydraVerb | None = None


def hydra_command(verb: HydraVerb) -> Command:
    """The command of a verb whose arguments are overrides; its help has the configuration that they make."""

    def run(arguments: list[str]) -> int:
        if any(argument in HELP for argument in arguments):
            from nnrep.config.help import help_text

            overrides = [argument for argument in arguments if not argument.startswith("-")]
            print(help_text(verb.name, verb.purpose, verb.with_choices(overrides), verb.unused))
            return EXIT_OK
        from nnrep.commands.hydra_app import run_app

        return run_app(arguments, verb)

    summary = f"{verb.purpose}; see nnrep {verb.name} --help"
    return Command(summary, run, takes_long=True, hydra=verb)


def asks_for_help(arguments: list[str]) -> bool:
    """Whether the arguments are a call for help alone."""
    return arguments in [[word] for word in HELP]


def require_folders(verb: str, arguments: list[str]) -> None:
    """Raise `UserError` for a flag where a verb takes folders only."""
    for flag in arguments:
        if flag.startswith("-"):
            raise UserError(f"{flag}: nnrep {verb} takes folders only")


def folders_and_option(
    verb: str, arguments: list[str], option: str, example: str
) -> tuple[list[str], str | None]:
    """The folders among the arguments, and the value of OPTION=VALUE; None if it is not given.

    Args:
        verb: that takes them.
        arguments: after the verb.
        option: which; the last one counts.
        example: of a command that names folders.

    Raises:
        UserError: there is a flag, or no folder.
    """
    given = [argument for argument in arguments if argument.startswith(f"{option}=")]
    folders = [argument for argument in arguments if argument not in given]
    require_folders(verb, folders)
    if not folders:
        raise UserError(f"{verb}: names no folder; {example}")
    return folders, given[-1].partition("=")[2] if given else None
