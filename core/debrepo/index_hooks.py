"""The hooks about indexes: what they are, and what they say of packages.

They are like those of `debrepo.hookspecs`.
"""

from __future__ import annotations

from debrepo.hookspecs import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from debrepo.database import Transaction
    from debrepo.options import PublicationOption
    from debrepo.package import Entry
    from debrepo.published import PublicationState
    from debrepo.refs import Ref
    from debrepo.session import Session


@hookspec
def debrepo_index_kinds() -> Mapping[str, Ref]:
    """Name the kinds of index you bring: ``{"packages": Ref(…)}``.

    *Collects*, on every publish. Each refers to a subclass of `debrepo.index_kind.IndexKind`,
    `debrepo.index_kind.WholeIndexKind` or `debrepo.index_kind.SortedIndexKind`. Two plugins
    that claim one name, or write one path, are an error.
    """


@hookspec
def debrepo_publication_options() -> Iterable[PublicationOption]:
    """Name the options of a publication that you read, with defaults and help.

    *Collects*, when a publication is made, changed or published. ``publish`` has a flag for
    each, and the document of the publication keeps what is given. A kind of index reads those
    that it names in ``options``, a hook those of ``after.options`` that were given. Two plugins
    that claim one name are an error.
    """


@hookspec
def debrepo_package_fields(
    session: Session, txn: Transaction, publication: str, after: PublicationState, component: str
) -> Mapping[Entry, Mapping[str, str]]:
    """Add fields to stanzas of Packages and Sources: ``Phased-Update-Percentage``.

    *Collects*, in a read transaction, once for each component whenever a publish is planned: be
    quick. Return the fields of those packages that get some, by their entries in the package
    set, ``after.components[component].set_id``. Only the parts of indexes with a package whose
    fields have changed are made anew. A field that another plugin gives is an error; so is one
    that the package has, unless the value is a `debrepo.index_kind.Replacement`. With another
    answer, ``publish update`` publishes though no list has changed.
    """
