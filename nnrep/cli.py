"""The command `nnrep`: verbs, and errors in one line."""

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Callable

from nnrep.commands.command import SWEEP_FLAGS
from nnrep.commands.registry import COMMANDS
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError, similar
from nnrep.host.announcement import announce, withdraw
from nnrep.host.text import print_anything


def main() -> None:
    """Entry point: runs a verb and exits with its status."""
    # Before it ends, Python would look for garbage among all that JAX has traced, which takes a second.
    atexit.register(gc.freeze)
    print_anything()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(guarded(lambda: _answer(arguments), debug))


def _answer(arguments: list[str]) -> int:
    """What the arguments ask for; the exit status."""
    if arguments and arguments[0] in ("-sc", "--shell-completion", "--shell_completion"):
        return _complete(arguments)
    verb = arguments[0] if arguments else "--help"
    if verb in ("--help", "-h", "help"):
        print(usage())
        return EXIT_OK
    if verb == "--version":
        from nnrep import __version__

        print(f"nnrep {__version__}")
        return EXIT_OK
    if verb not in COMMANDS:
        raise UserError(f"{verb}: unknown verb{similar(verb, COMMANDS)}; choose from {', '.join(COMMANDS)}")
    # Flags other than those of a sweep ask for something to be printed, not done.
    asks = any(word.startswith("-") and word not in SWEEP_FLAGS for word in arguments)
    if COMMANDS[verb].takes_long and not asks:
        announce(f"nnrep {verb}: getting ready")
    return COMMANDS[verb].main(arguments[1:])


def usage() -> str:
    """The list of verbs."""
    width = max(map(len, COMMANDS))
    lines = [f"  {verb:{width}}  {command.summary}" for verb, command in COMMANDS.items()]
    return "\n".join(["usage: nnrep VERB [ARGUMENTS] [--debug]", "", "verbs:", *lines])


def guarded(action: Callable[[], int], debug: bool) -> int:
    """The exit status of an action; errors a user can mend become one line and status 2."""
    try:
        status = action()
        withdraw()
        sys.stdout.flush()  # here, where a reader that has gone is no fault
        return status
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        from nnrep.config.explain import explain

        message = explain(error)
        withdraw()
        if debug or message is None:
            traceback.print_exc()
        if message is None:
            return EXIT_FAILED
        _complain(message)
        return EXIT_USAGE


def _complete(arguments: list[str]) -> int:
    """Answer the shell's question for completions: verbs first, then what Hydra knows of theirs."""
    words = os.environ.get("COMP_LINE", "").split(" ")
    command = COMMANDS[words[1]] if len(words) > 2 and words[1] in COMMANDS else None
    if not any(argument.startswith("query=") for argument in arguments):  # install=SHELL, uninstall=SHELL
        command = COMMANDS["run"]
    elif command is not None and command.hydra is not None:
        given = command.hydra.with_choices(words[2:-1])
        os.environ["COMP_LINE"] = " ".join([words[0], *given, words[-1]])
    if command is not None and command.hydra is not None:
        from nnrep.commands.hydra_app import run_app

        return run_app(arguments, command.hydra)
    if command is not None and command.words is not None:
        print(" ".join(word for word in command.words() if word.startswith(words[-1])))
    if len(words) <= 2:
        print(" ".join(verb for verb in COMMANDS if verb.startswith(words[-1] if len(words) == 2 else "")))
    return EXIT_OK


def _complain(message: str) -> None:
    withdraw()
    print(f"nnrep: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
