"""`nnrep show KEY`: what a key of the configuration means."""

from nnrep.commands.command import Command, asks_for_help
from nnrep.errors import EXIT_OK, UserError, did_you_mean

SUMMARY = "explain a key of the configuration, or a group of choices: nnrep show system.n, nnrep show reparam"


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(f"usage: nnrep show KEY ...\n\n{SUMMARY}")
        return EXIT_OK
    if not arguments:
        raise UserError("show: names no key; nnrep show KEY, such as system.n; nnrep run --help has them all")
    print("\n\n".join(explained(key) for key in arguments))
    return EXIT_OK


def explained(key: str) -> str:
    """What a key, or a group of keys or of choices, means: each default with its option.

    Raises:
        UserError: there is no such key; names similar ones.
    """
    from nnrep.choices.identity import as_yaml
    from nnrep.config.meanings import EXPLAINED, NAME, known_keys, meanings, options_of, similar_keys

    if key in EXPLAINED:
        options = ((f"{key}={name}", meanings(f"{key}/{name}").get(NAME, "")) for name in options_of(key))
        return "\n".join(_entry(option, text) for option, text in options)
    keys = known_keys()
    if key in keys:
        by_text: dict[tuple[str, str], list[str]] = {}
        for known in keys[key]:
            by_text.setdefault((as_yaml(known.default), known.meaning), []).append(known.option)
        entries = ((f"{key}: {default}", text, options) for (default, text), options in by_text.items())
        return "\n".join(_entry(*entry) for entry in entries)
    inside = [name for name in keys if name.startswith(f"{key}.")]
    if inside:
        return "\n".join(explained(name) for name in inside)
    raise UserError(f"{key}: unknown key{did_you_mean(similar_keys(key))}; nnrep run --help has them all")


def _entry(title: str, text: str, options: list[str] | None = None) -> str:
    where = [option for option in options or () if option]
    head = f"{title}  ({', '.join(where)})" if where else title
    return "\n".join([head, *(f"  {line}".rstrip() for line in text.splitlines())])


def _words() -> list[str]:
    from nnrep.config.meanings import EXPLAINED, known_keys

    return [*EXPLAINED, *known_keys()]


CHOICE = Command(SUMMARY, _main, words=_words)
