"""A Debian repository manager made of plugins.

Plugin authors import from here::

    from debrepo import BackgroundJob, Command, Operation, Ref, Setting, TableRef, hookimpl
"""

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from debrepo.implementing import hookimpl
    from debrepo.options import PublicationOption
    from debrepo.refs import BackgroundJob, Command, Operation, Ref, Setting, TableRef

__version__ = "0.2.0"

__all__ = [
    "BackgroundJob",
    "Command",
    "Operation",
    "PublicationOption",
    "Ref",
    "Setting",
    "TableRef",
    "__version__",
    "hookimpl",
]


def __getattr__(name: str) -> object:
    """Import what is asked for: a command that waits its turn needs nothing yet."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = {"hookimpl": "implementing", "PublicationOption": "options"}.get(name, "refs")
    found: object = getattr(import_module(f"debrepo.{home}"), name)
    globals()[name] = found
    return found
