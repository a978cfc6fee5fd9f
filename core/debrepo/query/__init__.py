"""Queries: the language in which packages are chosen.

`parse` makes a tree of a text, `and_` and `or_` join trees; `Query.matches` asks about one
package and `select` goes through a whole set of them.
"""

from debrepo.query.candidate import Candidate
from debrepo.query.lexer import QueryLimits
from debrepo.query.parser import parse, parse_within
from debrepo.query.terms import SPECIAL_FIELDS, Dependency, Exact, Field
from debrepo.query.tree import And, Not, Or, Query, and_, or_, select

__all__ = [
    "SPECIAL_FIELDS",
    "And",
    "Candidate",
    "Dependency",
    "Exact",
    "Field",
    "Not",
    "Or",
    "Query",
    "QueryLimits",
    "and_",
    "or_",
    "parse",
    "parse_within",
    "select",
]
