"""The command `nnrep`: verbs, and errors in one line."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError

# Verb -> what it does; `nnrep` alone lists them.
VERBS = {
    "run": "minimise a system's energy; a Hydra application, see nnrep run --help",
    "modes": "show the slow modes of a system, and how robust they are; see nnrep modes --help",
    "reproduce": "reproduce figures of the paper: tables, pictures, claims; see nnrep reproduce --help",
    "doctor": "show versions, devices, threads, caches and writable places, and what is wrong",
    "collect": "print the tables of the runs in and below folders DIR ... as one, in CSV",
    "structures": "list the structures in the package, in folders DIR ..., and in the cache",
}
HYDRA_VERBS = ("run", "modes")


def main() -> None:
    """Entry point: runs a verb and exits with its status."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments and arguments[0] in ("-sc", "--shell-completion", "--shell_completion"):
        sys.exit(_complete(arguments))
    verb = arguments[0] if arguments else "--help"
    if verb in ("--help", "-h", "help"):
        print(usage())
        sys.exit(EXIT_OK)
    if verb == "--version":
        from nnrep import __version__

        print(f"nnrep {__version__}")
        sys.exit(EXIT_OK)
    if verb not in VERBS:
        _complain(f"{verb}: unknown verb; choose from {', '.join(VERBS)}")
        sys.exit(EXIT_USAGE)
    sys.exit(guarded(lambda: _dispatch(verb, arguments[1:]), debug))


def usage() -> str:
    """The list of verbs."""
    width = max(map(len, VERBS))
    lines = [f"  {verb:{width}}  {what}" for verb, what in VERBS.items()]
    return "\n".join(["usage: nnrep VERB [ARGUMENTS] [--debug]", "", "verbs:", *lines])


def _dispatch(verb: str, arguments: list[str]) -> int:
    if verb in HYDRA_VERBS:
        from nnrep.commands.hydra_app import run_app

        return run_app(arguments, verb)
    if verb == "structures":
        return _structures(arguments)
    if verb == "collect":
        return _collect(arguments)
    if verb == "reproduce":
        return _reproduce(arguments)
    from nnrep.commands.doctor import doctor

    if arguments in (["--help"], ["-h"]):
        print(f"usage: nnrep doctor\n\n{VERBS['doctor']}")
        return EXIT_OK
    if arguments:
        raise UserError(f"{arguments[0]}: nnrep doctor takes no arguments")
    return doctor()


def _structures(arguments: list[str]) -> int:
    if arguments in (["--help"], ["-h"]):
        print(f"usage: nnrep structures [DIR ...]\n\n{VERBS['structures']}")
        return EXIT_OK
    _require_folders("structures", arguments)
    from nnrep.structures.listing import show_structures

    show_structures(arguments)
    return EXIT_OK


def _collect(arguments: list[str]) -> int:
    if arguments in (["--help"], ["-h"]):
        print(f"usage: nnrep collect DIR ... > TABLE.csv\n\n{VERBS['collect']}")
        return EXIT_OK
    _require_folders("collect", arguments)
    if not arguments:
        raise UserError("collect: names no folder; nnrep collect DIR ... > TABLE.csv")
    from nnrep.records.collect import collected

    print(collected([Path(folder) for folder in arguments]).to_csv(index=False), end="")
    return EXIT_OK


def _reproduce(arguments: list[str]) -> int:
    from nnrep.figures.request import parse_arguments, usage

    if arguments in ([], ["--help"], ["-h"]):
        print(usage())
        return EXIT_OK
    request = parse_arguments(arguments)
    from nnrep.figures.reproduction import reproduce

    return reproduce(request)


def _require_folders(verb: str, arguments: list[str]) -> None:
    for flag in arguments:
        if flag.startswith("-"):
            raise UserError(f"{flag}: nnrep {verb} takes folders only")


def guarded(action: Callable[[], int], debug: bool) -> int:
    """The exit status of an action; errors a user can mend become one line and status 2."""
    try:
        return action()
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        from nnrep.config.explain import explain

        message = explain(error)
        if debug or message is None:
            traceback.print_exc()
        if message is None:
            return EXIT_FAILED
        _complain(message)
        return EXIT_USAGE


def _complete(arguments: list[str]) -> int:
    """Answer the shell's question for completions: verbs first, then what Hydra knows of theirs."""
    words = os.environ.get("COMP_LINE", "").split(" ")
    if len(words) > 2 and words[1] in HYDRA_VERBS:
        from nnrep.commands.hydra_app import run_app

        os.environ["COMP_LINE"] = " ".join([words[0], *words[2:]])
        return run_app(arguments, words[1])
    if len(words) <= 2:
        print(" ".join(verb for verb in VERBS if verb.startswith(words[-1] if len(words) == 2 else "")))
    return EXIT_OK


def _complain(message: str) -> None:
    print(f"nnrep: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
