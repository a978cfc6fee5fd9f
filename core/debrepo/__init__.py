"""A Debian repository manager made of plugins.

Plugin authors import from here::

    from debrepo import Command, Operation, Ref, Setting, TableRef, hookimpl
"""

from debrepo.hookspecs import hookimpl
from debrepo.refs import Command, Operation, Ref, Setting, TableRef

__version__ = "0.2.0"

__all__ = ["Command", "Operation", "Ref", "Setting", "TableRef", "__version__", "hookimpl"]
