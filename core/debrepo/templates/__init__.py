"""Templates: text with actions in double braces, as Go's text/template has them.

aptly's users know them from ``--format``: ``{{.Package}} {{index . "Pre-Depends"}}``. This
is the part of that language that makes sense for a package: fields, variables, pipelines,
``if``, ``with``, ``range``, the functions that compare and print, and trimming. A field
that is not there prints as ``<no value>``. A template that cannot be read is an error, with
its column.
"""

from debrepo.templates.evaluation import Template
from debrepo.templates.parser import parse

__all__ = ["Template", "parse"]
